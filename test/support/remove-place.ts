/** A folder in which processes work: what runs there, and its end. */
import { execFileSync } from 'node:child_process'
import { rmSync } from 'node:fs'
import { basename } from 'node:path'

/** Those whose command line names the folder, as lines that begin with their ids. */
export function processesIn(base: string): string[] {
  const lines = execFileSync('ps', ['-A', '-o', 'pid=,args='], { encoding: 'utf8' }).split('\n')
  return lines.filter((line) => line.includes(basename(base)))
}

/** Ends them first: until then they write, also after the program that started them has ended. */
export function removePlace(base: string): void {
  for (const line of processesIn(base)) kill(Number(line.trim().split(' ')[0]))
  rmSync(base, { recursive: true, force: true, maxRetries: 20, retryDelay: 50 })
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL')
  } catch {
    // It has ended meanwhile.
  }
}
