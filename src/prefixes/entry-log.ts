/**
 * A file of entries that several processes read and append to. Each entry has a checksum and is written at once, so what a
 * process leaves that is killed is skipped, and so is what is damaged. Where the file has grown too large, the entries that
 * were used or written last move to a new one, which takes its place as a whole; what another process appends at that
 * moment is lost. The file is optional: a fault of the system is reported and changes nothing else.
 */
import {
  closeSync,
  constants,
  fstatSync,
  openSync,
  readSync,
  renameSync,
  rmSync,
  type Stats,
  statSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import { dirname } from 'node:path'
// Not by its name: src/chat/tokenizer/table-file.ts says why.
import zlib from 'node:zlib'
import { makeFolder } from '../make-folder.js'

export interface EntryLog {
  /** The entries that were written since the last call, by whomever: at first all. The oldest first. */
  news(): Buffer[]
  /** An entry whose id is there already takes its place. */
  append(body: Uint8Array): void
  /** The entry of this id was used: it goes later. */
  touch(id: string): void
}

export interface EntryLogOptions {
  /** The size that the file has at most. An entry of more than an eighth of that is not written. */
  mostBytes: number
  idOf: (body: Buffer) => string
  /** Called with what keeps the file from being read or written. */
  onFault: (error: Error) => void
}

/** Stands before each entry, with its length and its checksum. */
const magic = Buffer.from('tTn1', 'latin1')
const headerBytes = 12

/** Never throws, and none of its functions does. */
export function openEntryLog(path: string, { mostBytes, idOf, onFault }: EntryLogOptions): EntryLog {
  /** What was read of which file. */
  let seen = { ino: 0, size: 0 }
  const used = new Set<string>()

  const readNews = (): Buffer[] => {
    const now = statSync(path, { throwIfNoEntry: false })
    if (!now || (now.ino === seen.ino && now.size === seen.size)) return []
    const from = now.ino === seen.ino && now.size > seen.size ? seen.size : 0
    const { bodies, end } = entriesIn(readFrom(path, from))
    seen = { ino: now.ino, size: from + end }
    return bodies
  }
  const write = (entry: Buffer): void => {
    const file = openSync(path, constants.O_APPEND | constants.O_CREAT | constants.O_WRONLY, 0o600)
    try {
      const before = fstatSync(file)
      checkPrivate(before)
      if (writeSync(file, entry) < entry.length) throw new Error('there is no room on the disk')
      const isAllSeen = before.size === 0 || (before.ino === seen.ino && before.size === seen.size)
      if (isAllSeen) seen = { ino: before.ino, size: before.size + entry.length }
    } finally {
      closeSync(file)
    }
  }
  return {
    news: () => orReport(readNews, onFault) ?? [],
    append(body) {
      const entry = entryOf(body)
      if (entry.length > mostBytes / 8) return
      orReport(() => {
        makeFolder(dirname(path), 0o700)
        const size = statSync(path, { throwIfNoEntry: false })?.size ?? 0
        if (size + entry.length > mostBytes) compact(path, { most: mostBytes / 2, idOf, used })
        write(entry)
      }, onFault)
    },
    touch: (id) => {
      used.add(id)
    },
  }
}

interface Compaction extends Pick<EntryLogOptions, 'idOf'> {
  /** Bytes that may be left. */
  most: number
  used: Set<string>
}

function compact(path: string, { most, idOf, used }: Compaction): void {
  const bytes = readFrom(path, 0)
  const latest = new Map<string, Buffer>()
  for (const body of entriesIn(bytes).bodies) {
    // Deleted first: a map keeps the place of a key that it has.
    latest.delete(idOf(body))
    latest.set(idOf(body), body)
  }
  const order = [...latest].sort(([one], [other]) => Number(used.has(one)) - Number(used.has(other)))
  const kept: Buffer[] = []
  let left = most
  for (const [, body] of order.reverse()) {
    left -= headerBytes + body.length
    if (left >= 0) kept.unshift(entryOf(body))
  }
  const part = `${path}.${process.pid}.part`
  try {
    writeFileSync(part, Buffer.concat(kept), { mode: 0o600 })
    const since = readFrom(path, bytes.length)
    if (since.length > 0) writeFileSync(part, since, { flag: 'a' })
    renameSync(part, path)
  } finally {
    rmSync(part, { force: true })
  }
}

function entryOf(body: Uint8Array): Buffer {
  const header = Buffer.alloc(headerBytes)
  magic.copy(header)
  header.writeUInt32LE(body.length, 4)
  header.writeUInt32LE(zlib.crc32(body), 8)
  return Buffer.concat([header, body])
}

/** The entries that are whole, and where the last of them ends: what follows may still be being written. */
function entriesIn(bytes: Buffer): { bodies: Buffer[]; end: number } {
  const bodies: Buffer[] = []
  let end = 0
  for (let at = bytes.indexOf(magic); at >= 0; at = bytes.indexOf(magic, at)) {
    const body = bodyAt(bytes, at)
    if (!body) {
      at++
      continue
    }
    bodies.push(body)
    at += headerBytes + body.length
    end = at
  }
  return { bodies, end }
}

function bodyAt(bytes: Buffer, at: number): Buffer | undefined {
  const start = at + headerBytes
  if (start > bytes.length) return undefined
  const end = start + bytes.readUInt32LE(at + 4)
  if (end > bytes.length) return undefined
  const body = bytes.subarray(start, end)
  return zlib.crc32(body) === bytes.readUInt32LE(at + 8) ? body : undefined
}

function readFrom(path: string, from: number): Buffer {
  const file = openSync(path, 'r')
  try {
    const stat = fstatSync(file)
    checkPrivate(stat)
    const bytes = Buffer.allocUnsafe(Math.max(0, stat.size - from))
    return bytes.subarray(0, readSync(file, bytes, 0, bytes.length, from))
  } finally {
    closeSync(file)
  }
}

/** What others may write could be anything. */
function checkPrivate({ uid, mode }: Stats): void {
  const isOurs = process.getuid === undefined || uid === process.getuid()
  if (!isOurs || (mode & 0o022) !== 0) throw new Error('other users may write this file')
}

/** undefined after a fault. */
function orReport<T>(work: () => T, report: (error: Error) => void): T | undefined {
  try {
    return work()
  } catch (error) {
    report(error as Error)
    return undefined
  }
}
