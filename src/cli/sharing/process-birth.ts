/** When a process began: a process id alone may have been given to another program since. */
import { spawnSync } from 'node:child_process'
import { readFileSync, readlinkSync } from 'node:fs'
import { isAlive } from '../../models/pull/is-alive.js'

export interface ProcessId {
  pid: number
  /** When it began, in the system's own words. Unset: the system did not say. */
  birth?: string
}

interface Seen {
  /** As ps shows it. */
  state: string
  birth?: string
}

/** A process that has ended, also one that its parent has not heard of yet. */
const ended = Symbol('ended')

export function thisProcess(): ProcessId {
  return { pid: process.pid, birth: birthOf(process.pid) }
}

/**
 * Where process ids mean the same: this machine, or a container of it, which may have the same home. undefined: the system
 * does not say.
 */
export function placeOfIds(): string | undefined {
  if (process.platform !== 'linux') return undefined
  try {
    // Not the machine's id, which containers of one image share, or have none of.
    const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()
    return `${boot} ${readlinkSync('/proc/self/ns/pid')}`
  } catch {
    return undefined
  }
}

/** undefined: it has ended, or the system does not say. */
export function birthOf(pid: number): string | undefined {
  const seen = look(pid)
  return seen === ended ? undefined : seen?.birth
}

/** Whether it was stopped by Ctrl-Z or kill -STOP, and does nothing until it is let go on. */
export function isSuspended(pid: number): boolean {
  const seen = look(pid)
  return seen !== undefined && seen !== ended && seen.state.startsWith('T')
}

/** Whether that process still runs, and not another one with its id. What is not known is no proof that it does not. */
export function stillRuns({ pid, birth }: ProcessId): boolean {
  if (!isAlive(pid)) return false
  const seen = look(pid)
  if (seen === ended) return false
  return birth === undefined || seen?.birth === undefined || seen.birth === birth
}

function look(pid: number): Seen | typeof ended | undefined {
  return process.platform === 'linux' ? fromProc(pid) : fromPs(pid)
}

/** Ticks since the machine started: field 22, counted after the name, which may have spaces and brackets in it. */
function fromProc(pid: number): Seen | typeof ended | undefined {
  try {
    const [state = '', ...fields] = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(-1)?.split(' ') ?? []
    return state === 'Z' || state === 'X' ? ended : { state, birth: fields[18] }
  } catch (error) {
    return ['ENOENT', 'ESRCH'].includes((error as NodeJS.ErrnoException).code ?? '') ? ended : undefined
  }
}

function fromPs(pid: number): Seen | typeof ended | undefined {
  const env = { ...process.env, LC_ALL: 'C', TZ: 'UTC' }
  const { stdout, error } = spawnSync('ps', ['-o', 'stat=,lstart=', '-p', String(pid)], { encoding: 'utf8', env })
  if (error) return undefined
  const [, state = 'Z', birth] = /^\s*(\S+)\s+(.+?)\s*$/.exec(stdout) ?? []
  return state.startsWith('Z') ? ended : { state, birth }
}
