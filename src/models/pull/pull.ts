/** Downloads a model from the hub into the models folder: complete and verified, or not at all. */
import { readdir, readFile, rename, rm, rmdir, stat, statfs } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { readCheckpoint } from '../../engine/checkpoint.js'
import { foreignQuantization, unsupportedQuantization } from '../../engine/foreign.js'
import { ASSISTANT_TYPES } from '../../engine/model-types.js'
import { typeFault } from '../../engine/supported.js'
import { TetherError } from '../../errors.js'
import { makeFolder } from '../../make-folder.js'
import { oneLine } from '../../one-line.js'
import { parsePythonJson } from '../../python-json.js'
import { type Fields, object, string } from '../config-fields.js'
import { partialFolder } from '../find-model.js'
import { isModel } from '../models-dir.js'
import type { Repo } from '../repo.js'
import { showSize } from '../show-size.js'
import { downloadFiles } from './download.js'
import type { Hub } from './hub.js'
import { openHubClient } from './hub-client.js'
import { HubFault } from './hub-fault.js'
import { fetchHubModel, type HubFile, type HubModel } from './hub-model.js'
import { takeLock } from './lock.js'
import { indexFile, likelyWeightFiles, smallFiles, weightFiles } from './needed-files.js'
import { diskFault, havePart, type OpenFile, verifiedLog } from './part-file.js'
import { checkPulled, writeReceipt } from './receipt.js'
import { checkKind } from './repository-kind.js'

export interface PullOptions {
  modelsDir: string
  hub: Hub
  /** Stops the pull; what arrived is kept for the next one. */
  signal?: AbortSignal
  /** Called with news for the user. */
  say?: (line: string) => void
  progress?: PullProgress
  /** Refuse a model that tether cannot load before its weights come, instead of warning of it. */
  mustLoad?: boolean
  /** The command line that pulls this, for messages. Default: with no flags. */
  command?: (repo: Repo) => string
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
  /** The hub is asked again: why, and which try comes when. */
  retrying?(why: string, next: string): void
  /** Called again if the total turns out to be another. */
  begin(about: { done: number; total: number }): void
  add(bytes: number): void
  end(): void
}

export interface Pulled {
  /** Absolute. */
  path: string
  /** Whether it was there before, so that nothing was downloaded. */
  wasThere: boolean
  /** Commit, if it is known, and size: such as `c0ffee1, 3.2 GB`. */
  about: string
}

/**
 * Throws TetherError. After an error, and if the process is killed, a hidden folder keeps what arrived and the next
 * pull continues from there. Only a complete, verified model ever has the model's name.
 */
export async function pull(repo: Repo, options: PullOptions): Promise<Pulled> {
  const path = join(options.modelsDir, repo.name)
  const unlock = await takeLock(`${partialFolder(path)}.lock`, repo.name).catch((error: unknown) => {
    throw diskFault(error, options.modelsDir) ?? error
  })
  try {
    const wasThere = isModel(path)
    if (!wasThere) await fetchModel(repo, path, options)
    return { path, wasThere, about: await checkPulled(path, repo) }
  } finally {
    await unlock()
    // After a failure: removes the organization's folder if it is empty.
    await rmdir(dirname(path)).catch(() => {})
  }
}

async function fetchModel(repo: Repo, path: string, options: PullOptions): Promise<void> {
  const { hub, progress, command = commandOf, connections = 8 } = options
  const { backoffMs = 500, idleMs = 30_000 } = options
  const stop = new AbortController()
  const signal = options.signal ? AbortSignal.any([options.signal, stop.signal]) : stop.signal
  const retrying = (why: string, next: string) => progress?.retrying?.(why, next)
  const client = openHubClient({ hub, name: repo.name, connections, signal, backoffMs, idleMs, retrying })
  const folder = partialFolder(path)
  try {
    const model = await fetchHubModel(hub, client, repo)
    checkKind(model, hub, command)
    const small = smallFiles(model)
    makeFolder(folder)
    const likely = [...small, ...likelyWeightFiles(model)]
    const expected = await begin(progress, folder, likely)
    await checkRoom(folder, expected - (await haveOf(folder, likely)), options)
    const download = (files: HubFile[]) =>
      downloadFiles({
        ...{ hub, model, client, folder, files, connections, signal },
        onBytes: (count) => progress?.add(count),
        pieceBytes: options.pieceBytes ?? 64 * 1024 * 1024,
        openFile: options.disk?.open,
        stop: () => stop.abort(),
      })
    await download(small)
    const index = small.some(({ path: name }) => name === indexFile)
      ? await readFile(join(folder, indexFile), 'utf8')
      : undefined
    const weights = weightFiles(model, index)
    await lookAtConfig(folder, options)
    const files = [...small, ...weights]
    if (sizeOf(files) !== expected) await begin(progress, folder, files)
    await checkRoom(folder, sizeOf(files) - (await haveOf(folder, files)), options)
    await download(weights)
    await putInPlace(folder, path, { repo, model, files })
  } catch (error) {
    throw await withKept(error, folder, { isStopped: options.signal?.aborted === true, command: command(repo) })
  } finally {
    progress?.end()
    await client.close()
  }
}

/** -> the bytes of all files */
async function begin(progress: PullProgress | undefined, folder: string, files: HubFile[]): Promise<number> {
  const total = sizeOf(files)
  progress?.begin({ done: await haveOf(folder, files), total })
  return total
}

function commandOf({ name, revision }: Repo): string {
  return revision === undefined ? `tether pull ${name}` : `tether pull ${name} --revision ${revision}`
}

/** Adds to an error of a pull that was stopped, or lost the hub, what is kept and how to continue. */
async function withKept(
  error: unknown,
  folder: string,
  { isStopped, command }: { isStopped: boolean; command: string },
): Promise<unknown> {
  const bytes = await keptBytes(folder)
  const kept = bytes > 0 ? `${showSize(bytes)} kept` : 'nothing was downloaded yet'
  const next = `To continue:\n  ${command}`
  if (isStopped) return new TetherError('cancelled', `Stopped, ${kept}. ${next}`, { cause: error })
  if (bytes === 0 || !(error instanceof TetherError && error.cause instanceof HubFault)) return error
  return new TetherError('download_failed', `${error.message}\n${kept}. ${next}`, { cause: error.cause })
}

/** Only warns about a model that tether cannot load: the user may want it for something else. `mustLoad`: throws. */
async function lookAtConfig(folder: string, { say = () => {}, mustLoad = false }: PullOptions): Promise<void> {
  const fault = await faultOfConfig(folder, mustLoad)
  if (fault === undefined) return
  if (mustLoad) throw new TetherError('unsupported_model', fault)
  say(`warning: ${fault} Press Ctrl-C to stop the download.`)
}

async function faultOfConfig(folder: string, mustLoad: boolean): Promise<string | undefined> {
  let config: Fields | undefined
  try {
    config = object(parsePythonJson(await readFile(join(folder, 'config.json'), 'utf8')))
  } catch {
    // Reported below.
  }
  if (config === undefined || string(config.model_type) === undefined)
    return 'its config.json has no model_type, so tether cannot load it.'
  const type = typeFault(config)
  // Who pulls what drafts for another model knows that it is none itself.
  const isAssistant = ASSISTANT_TYPES.includes(string(config.model_type) ?? '')
  if (type !== undefined && (mustLoad || !isAssistant)) return oneLine(type)
  // The tensors decide in the end; they are not here yet.
  const method = foreignQuantization(config, [])
  return method && oneLine(unsupportedQuantization(method))
}

async function checkRoom(folder: string, needed: number, { disk }: PullOptions): Promise<void> {
  const free = disk?.free ? await disk.free(folder) : await freeBytes(folder)
  if (needed <= free) return
  const text = `${showSize(needed)} are left to download, and the disk of ${folder} has ${showSize(free)} free`
  throw new TetherError('download_failed', `${text}. Free space, or use another --models-dir.`)
}

async function freeBytes(folder: string): Promise<number> {
  const { bavail, bsize } = await statfs(folder)
  return bavail * bsize
}

function sizeOf(files: HubFile[]): number {
  return files.reduce((sum, { size }) => sum + size, 0)
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
