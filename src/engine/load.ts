/** A checkpoint's folder to a running engine: callbacks become async generators, exits close it. */
import { totalmem } from 'node:os'
import { loadBinding, type NativeAbout, type NativeEngine, type NativeEvent, type NativeInfo } from '../binding.js'
import { type ErrorCode, TetherError } from '../errors.js'
import { diskCacheOption, type EngineOptions, loadOptions, namesOf, optionFault } from '../options.js'
import { type Checkpoint, readCheckpoint } from './checkpoint.js'
import { checkReadable } from './supported.js'
import type { Engine, GenerateRequest, LoadOptions, TokenBatch } from './types.js'

/** The share of the machine's memory that tether takes when no cap is given. */
export const DEFAULT_MEMORY_SHARE = 0.75

/** What this installation computes with, for reports: MLX's version, the device, the BLAS of its CPU backend. */
export function about(): NativeAbout {
  return loadBinding().about()
}

/** Reads a checkpoint onto an engine thread of its own. Throws TetherError; on failure nothing is left behind. */
export async function loadEngine(dir: string, options: LoadOptions = {}): Promise<Engine> {
  return openEngine(await readCheckpoint(dir), options)
}

/** Options for tests. */
interface NativeOptions extends LoadOptions {
  /** Compute and decode as on a GPU, whatever the device. */
  asGpu?: boolean
  /** Draft as if it cost nothing. */
  alwaysDraft?: boolean
}

/** The same for a folder that has been read. */
export async function openEngine(checkpoint: Checkpoint, options: NativeOptions): Promise<Engine> {
  const { native, info } = await startNative(checkpoint, options)
  return {
    info: { ...info, stopTokens: checkpoint.stopTokens },
    generate: (request, signal) => generate(native, request, signal),
    setVocabulary: (vocabulary) => native.setVocabulary(vocabulary),
    compileGrammar: (source, signal) => compileGrammar(native, source, signal),
    score: (tokens, adapter) => native.score(tokens, adapter).catch(rethrow),
    stats: () => native.stats(),
    prefetch: (tokens, adapter) => native.prefetch(tokens, adapter).catch(rethrow),
    async close() {
      await native.closeSoon()
      open.delete(native)
    },
  }
}

// process.exit() runs no cleanup hook of the addon on the main thread, and MLX's static destructors would then race the
// engine thread. So open engines are closed first.
const open = new Set<NativeEngine>()
process.on('exit', () => {
  for (const native of open) closeNative(native)
})

function closeNative(native: NativeEngine): void {
  open.delete(native)
  native.close()
}

/** The addon's own class with a checkpoint loaded, for parity tests. */
export async function loadNative(
  dir: string,
  options: NativeOptions = {},
): Promise<NativeEngine & { info: NativeInfo }> {
  const { native, info } = await startNative(await readCheckpoint(dir), options)
  return Object.assign(native, { info })
}

async function startNative(checkpoint: Checkpoint, options: NativeOptions) {
  checkReadable(checkpoint)
  const { config, files } = checkpoint
  const { asGpu = false, alwaysDraft = false, lookup = false, asksForRoom = false } = options
  const { adapters, drafter, diskCache, crash } = options
  const cacheDir = diskCache === 0 ? '' : (options.cacheDir ?? '')
  const more = { lookup, adapters, drafter, alwaysDraft, asksForRoom }
  const request = { config, files, ...engineOptions(options), asGpu, ...more, cacheDir, diskCache, crash }
  const native = new (loadBinding().Engine)()
  open.add(native)
  try {
    const info = await native.load(request, (fraction) => options.onProgress?.(fraction))
    return { native, info }
  } catch (error) {
    closeNative(native)
    throw toTetherError(error, checkpoint.path)
  }
}

/** A value for every option: 0, where nothing is set, leaves the choice to the engine. Throws `bad_config`. */
function engineOptions(options: EngineOptions & { diskCache?: number }): Required<EngineOptions> {
  for (const [name, option] of Object.entries({ ...loadOptions, diskCache: diskCacheOption })) {
    const value = options[name as keyof typeof options]
    const fault = value === undefined ? undefined : optionFault(option, value)
    if (fault) throw new TetherError('bad_config', `${name} must be ${fault}, not ${value}`)
  }
  const cap = options.memoryCap ?? Math.floor(totalmem() * DEFAULT_MEMORY_SHARE)
  const values = namesOf(loadOptions).map((name) => [name, options[name] ?? 0])
  // The engine knows one number for keys and values as they are computed.
  const kvBits = options.kvBits === 32 ? 0 : (options.kvBits ?? 0)
  return { ...(Object.fromEntries(values) as Required<EngineOptions>), memoryCap: cap, kvBits }
}

async function* generate(
  native: NativeEngine,
  request: GenerateRequest,
  signal?: AbortSignal,
): AsyncGenerator<TokenBatch, void, undefined> {
  const events: NativeEvent[] = []
  let wake = () => {}
  let ended = false
  const cancel = startGeneration(native, request, (event) => {
    events.push(event)
    wake()
  })
  if (signal?.aborted) cancel()
  signal?.addEventListener('abort', cancel, { once: true })
  try {
    while (!ended) {
      if (events.length === 0) {
        await new Promise<void>((resolve) => {
          wake = resolve
        })
      }
      for (const event of events.splice(0)) {
        ended = event.finish !== undefined || event.error !== undefined
        if (event.error) throw toTetherError(event.error)
        yield event.finish ? { tokens: event.tokens, finish: event.finish } : { tokens: event.tokens }
      }
    }
  } finally {
    signal?.removeEventListener('abort', cancel)
    // A reader that leaves early ends the generation.
    if (!ended) cancel()
  }
}

async function compileGrammar(native: NativeEngine, source: string, signal?: AbortSignal): Promise<string[]> {
  const { missing, cancel } = native.compileGrammar(source)
  if (signal?.aborted) cancel()
  signal?.addEventListener('abort', cancel, { once: true })
  try {
    return await missing.catch(rethrow)
  } finally {
    signal?.removeEventListener('abort', cancel)
  }
}

/** The addon checks the type and range of every field; a fault that it finds is the caller's. */
function startGeneration(
  native: NativeEngine,
  request: GenerateRequest,
  onEvent: (event: NativeEvent) => void,
): () => void {
  try {
    return native.generate(request, onEvent)
  } catch (cause) {
    throw new TetherError('invalid_request', (cause as Error).message, { cause })
  }
}

function rethrow(error: unknown): never {
  throw toTetherError(error)
}

/** The addon's errors have a code but not our class. Messages about config.json lack the folder, which is added. */
function toTetherError(error: unknown, path?: string): TetherError {
  const { code, message } = error as Error & { code?: string }
  if (!code) return new TetherError('internal', message ?? String(error), { cause: error })
  const place = path && !message.includes(path) ? ` (${path})` : ''
  return new TetherError(code as ErrorCode, message + place, { cause: error })
}
