/** When a process began: a process id alone may have been given to another program since. */
import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { isAlive } from '../../models/pull/is-alive.js'

export interface ProcessId {
  pid: number
  /** When it began, in the system's own words. Unset: the system did not say. */
  birth?: string
}

/** undefined: there is no such process, it has ended and waits for its parent, or the system does not say. */
export function birthOf(pid: number): string | undefined {
  return process.platform === 'linux' ? fromProc(pid) : fromPs(pid)
}

export function thisProcess(): ProcessId {
  return { pid: process.pid, birth: birthOf(process.pid) }
}

/** Whether that process still runs, and not another one with its id. */
export function stillRuns({ pid, birth }: ProcessId): boolean {
  return isAlive(pid) && (birth === undefined || birthOf(pid) === birth)
}

/** Ticks since the machine started: field 22, counted after the name, which may have spaces and brackets in it. */
function fromProc(pid: number): string | undefined {
  try {
    const [state, ...fields] = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(-1)?.split(' ') ?? []
    return state === 'Z' || state === 'X' ? undefined : fields[18]
  } catch {
    return undefined
  }
}

function fromPs(pid: number): string | undefined {
  const env = { ...process.env, LC_ALL: 'C', TZ: 'UTC' }
  const { stdout } = spawnSync('ps', ['-o', 'stat=,lstart=', '-p', String(pid)], { encoding: 'utf8', env })
  const [, state = '', began] = /^\s*(\S+)\s+(.+?)\s*$/.exec(stdout ?? '') ?? []
  return state.startsWith('Z') ? undefined : began
}
