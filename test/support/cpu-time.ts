/** Milliseconds that this process has worked, all its threads together: what else the machine does takes none of them. */
export function cpuTime(): number {
  const { user, system } = process.cpuUsage()
  return (user + system) / 1000
}
