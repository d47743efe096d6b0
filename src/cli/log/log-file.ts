/** The log files of runs, in a private folder: each run has its own, and the oldest go. */
import { accessSync, chmodSync, constants, readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { makeFolder } from '../../make-folder.js'
import { isAlive } from '../../models/pull/is-alive.js'
import { type BoundedFile, boundedFile } from './bounded-file.js'

/** What a run logs: its own lines, or with TETHER_DEBUG what was asked and answered. */
export type LogKind = 'tether' | 'debug'

export interface RunLogOptions {
  /** Of the file and of the one older part that it keeps, each. */
  maxBytes?: number
  /** Files of earlier runs to keep, of this kind. Default: 20. */
  keep?: number
  /** Called once, when a line cannot be written. */
  onFault?: (message: string) => void
}

/** Prompts and answers are long: this is a day of work. */
const MAX_BYTES: Record<LogKind, number> = { tether: 4_000_000, debug: 50_000_000 }

/**
 * Opens `<kind>-<time>-<pid>.log`, since the lines of two runs must not mix. Throws the error of the file system if the
 * folder cannot be created or written: at once, since Claude Code has the screen later.
 */
export function openRunLog(folder: string, kind: LogKind, options: RunLogOptions = {}): BoundedFile {
  const { maxBytes = MAX_BYTES[kind], keep = 20, onFault } = options
  makeFolder(folder, 0o700)
  chmodSync(folder, 0o700)
  accessSync(folder, constants.W_OK)
  const path = join(folder, `${kind}-${stamp(new Date())}-${process.pid}.log`)
  clearOld(folder, kind, keep)
  return boundedFile(path, { maxBytes, older: 1, onFault })
}

/** Local time, so that users find the run: 20261124-213115. */
export function stamp(now: Date): string {
  const two = (number: number) => String(number).padStart(2, '0')
  const day = `${now.getFullYear()}${two(now.getMonth() + 1)}${two(now.getDate())}`
  return `${day}-${two(now.getHours())}${two(now.getMinutes())}${two(now.getSeconds())}`
}

/** Removes the oldest files, but none of a tether that still runs. */
function clearOld(folder: string, kind: LogKind, keep: number): void {
  // Debug logs had ISO times: 2026-11-24T21-31-15-123Z.
  const ofRun = new RegExp(`^${kind}-\\d[\\dTZ-]*-(\\d+)\\.log$`)
  const runs = readdirSync(folder)
    .map((name) => ofRun.exec(name))
    .filter((match) => match !== null)
    .sort(([one], [two]) => (one < two ? -1 : 1))
  for (const [name, pid] of runs.slice(0, Math.max(0, runs.length - keep))) {
    if (isAlive(Number(pid))) continue
    for (const gone of [name, `${name}.1`]) rmSync(join(folder, gone), { force: true })
  }
}
