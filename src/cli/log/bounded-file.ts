/** A file that lines are appended to: private, bounded in size with its older parts, and never a reason to end. */
import { closeSync, constants, fstatSync, openSync, renameSync, rmSync, statSync, writeSync } from 'node:fs'

export interface BoundedFile {
  readonly path: string
  /** Never throws. */
  write(line: string): void
  close(): void
}

export interface FileBounds {
  /** At this size the file becomes its first older part, PATH.1. */
  maxBytes: number
  /** How many older parts stay. */
  older: number
  /** Called once, when a line cannot be written. Writing is tried again with each line: a disk may get room. */
  onFault?: (message: string) => void
}

/**
 * The file is made with its first line, for its owner alone. Where another program moves it away, as logrotate does, the
 * next line makes a new one: no signal is needed. Pipes and devices are written to, and never moved.
 */
export function boundedFile(path: string, { maxBytes, older, onFault }: FileBounds): BoundedFile {
  let file: number | undefined
  let isTold = false
  let isClosed = false
  const drop = () => {
    if (file !== undefined) closeSync(file)
    file = undefined
  }
  const append = (bytes: Buffer) => {
    if (file !== undefined && !isStill(file, path)) drop()
    file ??= openForLines(path)
    const { size, isRegular } = shapeOf(file)
    if (isRegular && size > 0 && size + bytes.length > maxBytes) {
      drop()
      makeOlder(path, older)
      file = openForLines(path)
    }
    for (let sent = 0; sent < bytes.length; ) sent += writeSync(file, bytes, sent)
  }
  return {
    path,
    write(line) {
      if (isClosed) return
      try {
        append(Buffer.from(`${line}\n`))
      } catch (error) {
        if (!isTold) onFault?.((error as Error).message)
        isTold = true
      }
    },
    close() {
      if (!isClosed) drop()
      isClosed = true
    },
  }
}

/** Throws the error of the file system. Without O_NONBLOCK a pipe that nobody reads would block the whole process. */
export function openForLines(path: string): number {
  const { O_WRONLY, O_APPEND, O_CREAT, O_NONBLOCK } = constants
  return openSync(path, O_WRONLY | O_APPEND | O_CREAT | O_NONBLOCK, 0o600)
}

function shapeOf(file: number): { size: number; isRegular: boolean } {
  const stat = fstatSync(file)
  return { size: stat.size, isRegular: stat.isFile() }
}

/** Whether the path still names the open file. */
function isStill(file: number, path: string): boolean {
  const there = statSync(path, { throwIfNoEntry: false })
  const open = fstatSync(file)
  return there !== undefined && there.ino === open.ino && there.dev === open.dev
}

/** PATH.1 is the newest. */
function makeOlder(path: string, older: number): void {
  rmSync(older > 0 ? `${path}.${older}` : path, { force: true })
  for (let part = older - 1; part >= 0; part--) {
    const from = part === 0 ? path : `${path}.${part}`
    if (statSync(from, { throwIfNoEntry: false })) renameSync(from, `${path}.${part + 1}`)
  }
}
