/**
 * A file that is being downloaded: `NAME.part`, and `NAME.part.log` with the spans that were written.
 * A span is logged after its bytes, so a process that is killed loses no more than the last one. The first line of the
 * log names the content by its hash. The file gets its name only when its hash is right.
 */
import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { appendFile, type FileHandle, open, readFile, rename, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { TetherError } from '../../errors.js'
import type { Span } from './hub-client.js'
import type { HubFile } from './hub-model.js'

export interface PartFile {
  file: HubFile
  /** Bytes that were written. */
  have(): number
  /** Spans that were not. */
  missing(): Span[]
  write(bytes: Buffer, at: number): Promise<void>
  /** Discards everything, to start over. */
  reset(): Promise<void>
  /** -> whether the hash is right; if so, the file has its name now. Closes the file either way. */
  finish(signal: AbortSignal): Promise<boolean>
  close(): Promise<void>
}

export type OpenFile = (
  path: string,
  flags: string,
) => Promise<Pick<FileHandle, 'write' | 'close' | 'truncate' | 'sync'>>

/** The bytes of a file that the partial folder holds already. */
export async function havePart(folder: string, file: HubFile): Promise<number> {
  if (await isDone(folder, file)) return file.size
  return total(await readLog(join(folder, `${file.path}.part`), file))
}

/**
 * Whether the file is complete, with this content. Two revisions may have files of the same name and size, so hashes
 * that were verified are logged beside them.
 */
export async function isDone(folder: string, file: HubFile): Promise<boolean> {
  if ((await sizeOf(join(folder, file.path))) !== file.size) return false
  const verified = await readFile(join(folder, verifiedLog), 'utf8').catch(() => '')
  return verified.split('\n').includes(verifiedLine(file))
}

/** In the partial folder: a line for each file whose hash was right. */
export const verifiedLog = '.verified'

function verifiedLine({ hash, path }: HubFile): string {
  return `${hash.hex} ${path}`
}

export async function openPart(folder: string, file: HubFile, openFile: OpenFile = open): Promise<PartFile> {
  const path = join(folder, `${file.path}.part`)
  const logPath = `${path}.log`
  let spans = await readLog(path, file)
  if (spans.length === 0) {
    await rm(path, { force: true })
    await rm(logPath, { force: true })
  }
  const part = await openFile(path, spans.length === 0 ? 'w' : 'r+')
  const log = await openFile(logPath, 'a')
  const begin = () => log.write(`${file.hash.hex} ${file.size}\n`)
  if (spans.length === 0) await begin()
  const close = async () => {
    await part.close()
    await log.close()
  }
  return {
    file,
    have: () => total(spans),
    missing: () => gaps(spans, file.size),
    async write(bytes, at) {
      let done = 0
      while (done < bytes.length) done += (await part.write(bytes, done, bytes.length - done, at + done)).bytesWritten
      await log.write(`${at} ${at + bytes.length}\n`)
      spans = add(spans, { start: at, end: at + bytes.length })
    },
    async reset() {
      spans = []
      await part.truncate(0)
      await log.truncate(0)
      await begin()
    },
    async finish(signal) {
      await part.sync()
      await close()
      if ((await sizeOf(path)) !== file.size || (await hashOf(path, file, signal)) !== file.hash.hex) {
        await rm(logPath, { force: true })
        await rm(path, { force: true })
        return false
      }
      // Logged first: a process that is killed between the two still has the part, and verifies it again.
      await appendFile(join(folder, verifiedLog), `${verifiedLine(file)}\n`)
      await rename(path, join(folder, file.path))
      await rm(logPath, { force: true })
      return true
    },
    close,
  }
}

/** Hex, as the hub gives it for this kind of file. */
async function hashOf(path: string, { hash, size }: HubFile, signal?: AbortSignal): Promise<string> {
  const digest = createHash(hash.kind === 'sha256' ? 'sha256' : 'sha1')
  if (hash.kind === 'git-sha1') digest.update(`blob ${size}\0`)
  for await (const bytes of createReadStream(path, { highWaterMark: 1 << 20, signal })) digest.update(bytes)
  return digest.digest('hex')
}

/** The error for a disk that is full or not writable, which another try would not fix. */
export function diskFault(error: unknown, folder: string): TetherError | undefined {
  const { code, message } = error as NodeJS.ErrnoException
  if (code === 'ENOSPC' || code === 'EDQUOT') {
    return new TetherError('download_failed', `the disk of ${folder} is full. Free space, then pull again to continue.`)
  }
  if (/^(EACCES|EROFS|EPERM|EIO|ENOTDIR|EEXIST|ELOOP|ENAMETOOLONG)$/.test(code ?? '')) {
    return new TetherError('download_failed', `${folder} cannot be written to (${message}). Fix that, then pull again.`)
  }
  return undefined
}

/** Spans that the log and the file agree on; none if the log is of other content. Ignores a truncated last line. */
async function readLog(path: string, { hash, size }: HubFile): Promise<Span[]> {
  const text = await readFile(`${path}.log`, 'utf8').catch(() => '')
  const length = await sizeOf(path)
  const [first, ...lines] = text.slice(0, text.lastIndexOf('\n') + 1).split('\n')
  if (first !== `${hash.hex} ${size}` || length === undefined || length > size) return []
  let spans: Span[] = []
  for (const line of lines) {
    const [start = Number.NaN, end = Number.NaN] = line.split(' ').map(Number)
    if (start >= 0 && start < end && end <= length) spans = add(spans, { start, end })
  }
  return spans
}

/** Adds a span. The result is sorted, and spans that touch are merged. */
function add(spans: Span[], span: Span): Span[] {
  const apart = spans.filter(({ start, end }) => end < span.start || start > span.end)
  const near = spans.filter(({ start, end }) => end >= span.start && start <= span.end)
  const start = Math.min(span.start, ...near.map((one) => one.start))
  const end = Math.max(span.end, ...near.map((one) => one.end))
  return [...apart, { start, end }].sort((a, b) => a.start - b.start)
}

function gaps(spans: Span[], size: number): Span[] {
  const edges = [...spans, { start: size, end: size }]
  return edges
    .map(({ start }, i) => ({ start: edges[i - 1]?.end ?? 0, end: start }))
    .filter(({ start, end }) => start < end)
}

function total(spans: Span[]): number {
  return spans.reduce((sum, { start, end }) => sum + end - start, 0)
}

async function sizeOf(path: string): Promise<number | undefined> {
  return stat(path).then(
    ({ size }) => size,
    () => undefined,
  )
}
