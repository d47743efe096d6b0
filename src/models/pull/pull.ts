/** Downloads a model from the hub into the models folder: complete and verified, or not at all. */
import { mkdir, readdir, readFile, rename, rm, rmdir, stat, statfs } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { readCheckpoint } from '../../engine/checkpoint.js'
import { TetherError } from '../../errors.js'
import { type Fields, object, string } from '../config-fields.js'
import { isSupportedType, unsupportedQuantization, unsupportedType } from '../describe-models.js'
import { partialFolder } from '../find-model.js'
import { isModel } from '../models-dir.js'
import type { Repo } from '../repo.js'
import { showSize } from '../show-size.js'
import { downloadFiles } from './download.js'
import type { Hub } from './hub.js'
import { openHubClient } from './hub-client.js'
import { fetchHubModel, type HubFile, type HubModel } from './hub-model.js'
import { takeLock } from './lock.js'
import { indexFile, smallFiles, weightFiles } from './needed-files.js'
import { havePart, type OpenFile, verifiedLog } from './part-file.js'
import { checkPulled, writeReceipt } from './receipt.js'

export interface PullOptions {
  modelsDir: string
  hub: Hub
  /** Stops the pull; what arrived is kept for the next one. */
  signal?: AbortSignal
  /** Called with news for the user. */
  say?: (line: string) => void
  progress?: PullProgress
  /** Pieces downloaded at once. */
  connections?: number
  /** Bytes of a piece. */
  pieceBytes?: number
  /** The first wait after a fault, and how long a silent connection is waited for. */
  backoffMs?: number
  idleMs?: number
  /** Tests pass a fake disk. */
  disk?: { free?: (folder: string) => Promise<number>; open?: OpenFile }
}

/** Counts bytes, of all of the model's files. */
export interface PullProgress {
  begin(about: { done: number; total: number }): void
  add(bytes: number): void
  end(): void
}

export interface Pulled {
  /** Absolute. */
  path: string
  /** Whether it was there before, so that nothing was downloaded. */
  wasThere: boolean
}

/**
 * Throws TetherError. After an error, and if the process is killed, a hidden folder keeps what arrived and the next
 * pull continues from there. Only a complete, verified model ever has the model's name.
 */
export async function pull(repo: Repo, options: PullOptions): Promise<Pulled> {
  const path = join(options.modelsDir, repo.name)
  const unlock = await takeLock(`${partialFolder(path)}.lock`, repo.name)
  try {
    if (isModel(path)) {
      const about = await checkPulled(path, repo)
      options.say?.(`${repo.name} is already in ${path} (${about})`)
      return { path, wasThere: true }
    }
    await fetchModel(repo, path, options)
    return { path, wasThere: false }
  } finally {
    await unlock()
    // After a failure: removes the organization's folder if it is empty.
    await rmdir(dirname(path)).catch(() => {})
  }
}

async function fetchModel(repo: Repo, path: string, options: PullOptions): Promise<void> {
  const { hub, say = () => {}, connections = 8, backoffMs = 500, idleMs = 30_000 } = options
  const stop = new AbortController()
  const signal = options.signal ? AbortSignal.any([options.signal, stop.signal]) : stop.signal
  const client = openHubClient({ hub, connections, signal, backoffMs, idleMs, say })
  const folder = partialFolder(path)
  try {
    const model = await fetchHubModel(hub, client, repo)
    const small = smallFiles(model)
    await mkdir(folder, { recursive: true })
    const download = (files: HubFile[], onBytes: (count: number) => void) =>
      downloadFiles({
        ...{ hub, model, client, folder, files, connections, signal, onBytes },
        pieceBytes: options.pieceBytes ?? 64 * 1024 * 1024,
        openFile: options.disk?.open,
        stop: () => stop.abort(),
      })
    await download(small, () => {})
    const index = small.some(({ path: name }) => name === indexFile)
      ? await readFile(join(folder, indexFile), 'utf8')
      : undefined
    const weights = weightFiles(model, index)
    await warnOfConfig(folder, say)
    const files = [...small, ...weights]
    const done = await haveOf(folder, files)
    const total = files.reduce((sum, { size }) => sum + size, 0)
    await checkRoom(folder, total - done, options)
    options.progress?.begin({ done, total })
    await download(weights, (count) => options.progress?.add(count))
    await putInPlace(folder, path, { repo, model, files })
  } catch (error) {
    if (!options.signal?.aborted) throw error
    const kept = showSize(await keptBytes(folder))
    const again = repo.revision ? `${repo.name} --revision ${repo.revision}` : repo.name
    throw new TetherError('cancelled', `stopped; ${kept} are kept; to continue: tether pull ${again}`, { cause: error })
  } finally {
    options.progress?.end()
    await client.close()
  }
}

/** Only warns about a model that tether cannot load: the user may want it for something else. */
async function warnOfConfig(folder: string, say: (line: string) => void): Promise<void> {
  let config: Fields | undefined
  try {
    config = object(JSON.parse(await readFile(join(folder, 'config.json'), 'utf8')))
  } catch {
    // Reported below.
  }
  const type = string(config?.model_type)
  const method = string(object(config?.quantization_config)?.quant_method)
  if (type === undefined)
    say('warning: its config.json has no model_type, so tether cannot load it; Ctrl-C stops the download')
  else if (!isSupportedType(type)) say(`warning: ${unsupportedType(type)}; Ctrl-C stops the download`)
  else if (method && !object(config?.quantization))
    say(`warning: ${unsupportedQuantization(method)}; Ctrl-C stops the download`)
}

async function checkRoom(folder: string, needed: number, { disk }: PullOptions): Promise<void> {
  const free = disk?.free ? await disk.free(folder) : await freeBytes(folder)
  if (needed <= free) return
  const text = `${showSize(needed)} are still to download, and the disk of ${folder} has ${showSize(free)} left`
  throw new TetherError('download_failed', `${text}; free space, or use another --models-dir`)
}

async function freeBytes(folder: string): Promise<number> {
  const { bavail, bsize } = await statfs(folder)
  return bavail * bsize
}

async function haveOf(folder: string, files: HubFile[]): Promise<number> {
  let sum = 0
  for (const file of files) sum += await havePart(folder, file)
  return sum
}

/** Bytes that the folder takes on the disk: parts have holes, so their length says nothing. */
async function keptBytes(folder: string): Promise<number> {
  const names = await readdir(folder).catch(() => [])
  const blocks = await Promise.all(names.map(async (name) => (await stat(join(folder, name))).blocks))
  return blocks.reduce((sum, count) => sum + count * 512, 0)
}

/** The last step: writes the receipt, which removes files of another revision, and gives the folder its name. */
async function putInPlace(
  folder: string,
  path: string,
  { repo, model, files }: { repo: Repo; model: HubModel; files: HubFile[] },
): Promise<void> {
  // The model on the hub may itself be broken.
  await readCheckpoint(folder)
  await writeReceipt(folder, { repo, model, files })
  await rename(folder, path)
  await rm(join(path, verifiedLog), { force: true })
}
