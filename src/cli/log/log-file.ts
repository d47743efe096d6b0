/** The log file of one run: private, created with its first line, bounded in size and in number. */
import {
  accessSync,
  chmodSync,
  closeSync,
  constants,
  openSync,
  readdirSync,
  renameSync,
  rmSync,
  writeSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import { makeFolder } from '../../make-folder.js'
import { isAlive } from '../../models/pull/is-alive.js'

export interface LogFile {
  readonly path: string
  /** Never throws. */
  write(line: string): void
  close(): void
}

/** What a run logs: its own lines, or with TETHER_DEBUG what was asked and answered. */
export type LogKind = 'tether' | 'debug'

export interface RunLogOptions {
  maxBytes?: number
  /** Files of earlier runs to keep, of this kind. Default: 20. */
  keep?: number
}

/** Opens `<kind>-<time>-<pid>.log`, since the lines of two runs must not mix. Throws like openLogFile. */
export function openRunLog(folder: string, kind: LogKind, { maxBytes, keep = 20 }: RunLogOptions = {}): LogFile {
  const file = openLogFile(join(folder, `${kind}-${stamp(new Date())}-${process.pid}.log`), maxBytes)
  clearOld(folder, kind, keep)
  return file
}

/**
 * Keeps one older part beside it, so both together stay under twice `maxBytes`. Throws the error of the file system if
 * the folder cannot be created or written: at once, since Claude Code has the screen later.
 */
function openLogFile(path: string, maxBytes = 4_000_000): LogFile {
  const folder = dirname(path)
  makeFolder(folder, 0o700)
  chmodSync(folder, 0o700)
  accessSync(folder, constants.W_OK)

  let file: number | undefined
  let size = 0
  let closed = false
  const append = (line: string) => {
    file ??= openSync(path, 'a', 0o600)
    if (size > maxBytes) {
      closeSync(file)
      renameSync(path, `${path}.1`)
      file = openSync(path, 'a', 0o600)
      size = 0
    }
    size += writeSync(file, `${line}\n`)
  }
  const close = () => {
    if (file !== undefined && !closed) closeSync(file)
    closed = true
  }
  return {
    path,
    write: (line) => {
      if (closed) return
      try {
        append(line)
      } catch {
        // A full disk must not end a session. From here on nothing is logged.
        closed = true
      }
    },
    close,
  }
}

/** Local time, so that users find the run: 20261124-213115. */
function stamp(now: Date): string {
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
