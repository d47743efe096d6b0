/** Downloads files into a folder, several pieces at once. A file is verified before it gets its name. */
import { TetherError } from '../../errors.js'
import type { Hub } from './hub.js'
import type { HubClient, Span } from './hub-client.js'
import { fileUrl, type HubFile, type HubModel } from './hub-model.js'
import { diskFault, isDone, type OpenFile, openPart, type PartFile } from './part-file.js'

export interface DownloadOptions {
  hub: Hub
  model: HubModel
  client: HubClient
  folder: string
  files: HubFile[]
  /** Pieces at once. */
  connections: number
  pieceBytes: number
  /** Stops the download; what arrived is kept. */
  signal: AbortSignal
  /** Called with the number of bytes that arrived; negative for bytes that were discarded. */
  onBytes: (count: number) => void
  openFile?: OpenFile
  /** Called at the first fault. Must abort `signal`, which is the client's too, so that the other pieces stop. */
  stop: () => void
}

/** How often a file with a wrong hash is downloaded again. */
const maxRetries = 1
/** How often a download starts at the first byte where the server cannot resume. */
const maxStarts = 4

interface Download {
  part: PartFile
  /** Pieces that wait for a worker, and the number of pieces in work. */
  waiting: Span[]
  open: number
  /** The server sends no spans, so the file comes in one stream. */
  whole: boolean
  tries: number
}

/** Skips files that are complete. Throws TetherError, or what the signal was aborted with. */
export async function downloadFiles(options: DownloadOptions): Promise<void> {
  const { folder, files, openFile, connections, signal } = options
  const downloads: Download[] = []
  const workers: Promise<void>[] = []
  try {
    for (const file of files) {
      if (await isDone(folder, file)) continue
      const part = await openPart(folder, file, openFile)
      downloads.push({ part, waiting: pieces(part.missing(), options.pieceBytes), open: 0, whole: false, tries: 0 })
    }
    const queue = [...downloads]
    for (let i = 0; i < connections; i++) workers.push(work(queue, options))
    await Promise.all(workers)
    signal.throwIfAborted()
  } catch (error) {
    options.stop()
    throw diskFault(error, folder) ?? error
  } finally {
    // All writes must be over before the files are closed.
    await Promise.allSettled(workers)
    for (const { part } of downloads) await part.close().catch(() => {})
  }
}

/** Fetches pieces, file after file. The worker with the last piece of a file verifies it. */
async function work(queue: Download[], options: DownloadOptions): Promise<void> {
  for (;;) {
    options.signal.throwIfAborted()
    const download = queue[0]
    if (!download) return
    const piece = download.waiting.shift()
    if (download.waiting.length === 0) queue.shift()
    download.open++
    if (piece) await fetchPiece(download, piece, options)
    download.open--
    if (download.open === 0 && download.waiting.length === 0) await complete(download, options)
  }
}

async function fetchPiece(download: Download, piece: Span, options: DownloadOptions): Promise<void> {
  if (download.whole) return
  const { file } = download.part
  const url = fileUrl(options.hub, options.model, file.path)
  const onBytes = async (bytes: Buffer, at: number) => {
    await download.part.write(bytes, at)
    options.onBytes(bytes.length)
  }
  if (!(await options.client.read(url, file.path, piece, onBytes))) download.whole = true
}

async function complete(download: Download, options: DownloadOptions): Promise<void> {
  const { file } = download.part
  if (download.whole) await fetchWhole(download, options)
  const size = download.part.have()
  if (await download.part.finish(options.signal)) return
  options.onBytes(-size)
  if (download.tries >= maxRetries) {
    throw new TetherError(
      'download_failed',
      `${file.path} arrived twice with a wrong hash. Try again later, or use another network.`,
    )
  }
  const part = await openPart(options.folder, file, options.openFile)
  Object.assign(download, { part, waiting: pieces(part.missing(), options.pieceBytes), tries: download.tries + 1 })
  await work([download], options)
}

/** Downloads a file in one stream, from the first byte at each try. */
async function fetchWhole(download: Download, options: DownloadOptions): Promise<void> {
  const { file } = download.part
  for (let tries = 0; tries < maxStarts; tries++) {
    options.onBytes(-download.part.have())
    await download.part.reset()
    download.whole = false
    await fetchPiece(download, { start: 0, end: file.size }, options)
    if (!download.whole) return
  }
  throw new TetherError(
    'download_failed',
    `${file.path}: the connection keeps breaking, and the server cannot resume. Try again later.`,
  )
}

function pieces(spans: Span[], pieceBytes: number): Span[] {
  return spans.flatMap(({ start, end }) =>
    Array.from({ length: Math.ceil((end - start) / pieceBytes) }, (_, i) => ({
      start: start + i * pieceBytes,
      end: Math.min(end, start + (i + 1) * pieceBytes),
    })),
  )
}
