/** Whether a process is there. */

/** Also true for somebody else's. A process id that was given out anew counts as the old one. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}
