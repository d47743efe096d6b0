/** A log file that only its owner reads and that does not grow for ever. */
import { chmodSync, closeSync, fstatSync, mkdirSync, openSync, renameSync, writeSync } from 'node:fs'
import { dirname } from 'node:path'

export interface LogFile {
  readonly path: string
  write(line: string): void
  close(): void
}

/** One older file is kept beside it, so both together stay under twice `maxBytes`. */
export function openLogFile(path: string, maxBytes = 4_000_000): LogFile {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 })
  let file = openSync(path, 'a', 0o600)
  chmodSync(path, 0o600)
  let size = fstatSync(file).size
  let closed = false

  const startOver = () => {
    closeSync(file)
    renameSync(path, `${path}.1`)
    file = openSync(path, 'a', 0o600)
    size = 0
  }

  return {
    path,
    write: (line) => {
      if (closed) return
      try {
        if (size > maxBytes) startOver()
        size += writeSync(file, `${line}\n`)
      } catch {
        // A full disk is no reason to end a session: what follows is not logged.
        closed = true
      }
    },
    close: () => {
      if (!closed) closeSync(file)
      closed = true
    },
  }
}
