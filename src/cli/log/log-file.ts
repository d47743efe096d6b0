/** The log file of one run: only its owner reads it, it begins with its first line, and neither it nor their number grows. */
import {
  accessSync,
  chmodSync,
  closeSync,
  constants,
  mkdirSync,
  openSync,
  readdirSync,
  renameSync,
  rmSync,
  writeSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import { isAlive } from '../../models/pull/is-alive.js'

export interface LogFile {
  readonly path: string
  /** Never throws. */
  write(line: string): void
  close(): void
}

export interface RunLogOptions {
  maxBytes?: number
  /** Files of earlier runs that stay. Default: 20. */
  keep?: number
}

/** A new file in this folder. Two runs never share one, so their lines do not mix. Throws as openLogFile. */
export function openRunLog(folder: string, { maxBytes, keep = 20 }: RunLogOptions = {}): LogFile {
  const file = openLogFile(join(folder, `tether-${stamp(new Date())}-${process.pid}.log`), maxBytes)
  clearOld(folder, keep)
  return file
}

/**
 * One older part is kept beside it, so both together stay under twice `maxBytes`. Throws what the file system says if
 * the folder cannot be made or written to: better now than while the screen is somebody else's.
 */
export function openLogFile(path: string, maxBytes = 4_000_000): LogFile {
  const folder = dirname(path)
  mkdirSync(folder, { recursive: true, mode: 0o700 })
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
        // A full disk is no reason to end a session: what follows is not logged.
        closed = true
      }
    },
    close,
  }
}

/** Local time, so that a person finds the run: 20261124-213115. */
function stamp(now: Date): string {
  const two = (number: number) => String(number).padStart(2, '0')
  const day = `${now.getFullYear()}${two(now.getMonth() + 1)}${two(now.getDate())}`
  return `${day}-${two(now.getHours())}${two(now.getMinutes())}${two(now.getSeconds())}`
}

/** The oldest first, but none of a tether that still runs. */
function clearOld(folder: string, keep: number): void {
  const runs = readdirSync(folder)
    .map((name) => /^tether-\d{8}-\d{6}-(\d+)\.log$/.exec(name))
    .filter((match) => match !== null)
    .sort(([one], [two]) => (one < two ? -1 : 1))
  for (const [name, pid] of runs.slice(0, Math.max(0, runs.length - keep))) {
    if (isAlive(Number(pid))) continue
    for (const gone of [name, `${name}.1`]) rmSync(join(folder, gone), { force: true })
  }
}
