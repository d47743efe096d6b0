/** Describes the models on this machine, from configs and headers; no weights are read. */
import { statSync } from 'node:fs'
import { totalmem } from 'node:os'
import { join } from 'node:path'
import { type Checkpoint, readCheckpoint } from '../engine/checkpoint.js'
import { DEFAULT_MEMORY_SHARE } from '../engine/load.js'
import { checkSupported } from '../engine/supported.js'
import { toFault } from '../errors.js'
import { checkModel, type KnownTokenizers } from '../model/read-model.js'
import { positive, string, textPart } from './config-fields.js'
import { type ContextNeed, contextNeed, longestWindow } from './context-need.js'
import { openDescriptionCache } from './description-cache.js'
import { foreignFormat, isForeign } from './foreign-format.js'
import { cachedModels } from './hub-cache.js'
import { hubCacheDir } from './hub-paths.js'
import { lookIn } from './models-dir.js'
import { storedAs } from './quantization.js'

/** Sizes in bytes, windows in tokens. */
export interface ModelSummary {
  /** What --model takes. */
  name: string
  /** Absolute. */
  path: string
  /** The models folder, or the cache of the hub's own tools. */
  place: 'models' | 'hub'
  /** `model_type` of config.json. */
  family?: string
  /** Such as `4-bit` or `bf16`. */
  quantization?: string
  /** Of the files with weights. */
  size?: number
  /** The checkpoint's own. */
  window?: number
  /** Whether weights and the wanted window fit into memory: yes, only a shorter window, or not at all. */
  fits?: 'yes' | 'short' | 'no'
  /** The window that fits, where `fits` is not `no`. */
  fittingWindow?: number
  state: 'ok' | 'unsupported' | 'damaged'
  /** Why it is not ok, with what to do. */
  fault?: string
  /** What is wrong with files that it can be loaded without. */
  warnings?: string[]
}

export interface DescribeOptions {
  /** Bytes that a model may take; 0: all of the machine's. Default: the share that tether takes. */
  memory?: number
  /** The window that is wanted, in tokens; 0 or unset: the model's own. */
  maxContext?: number
  /** Default: where the hub's own tools keep it. */
  hubCache?: string
  /** Bytes of an element of keys and values. Default: what tether computes in on this platform. */
  element?: number
  /** The file that keeps descriptions for the next time. Default: none. */
  cache?: string
}

type Description = Omit<ModelSummary, 'name' | 'path' | 'place'>

/** What is known of a folder whatever the machine and the settings: this is kept for the next time. */
interface Facts extends Omit<Description, 'fits' | 'fittingWindow'> {
  /** Of a model that is ok, if its config says enough. */
  need?: ContextNeed
}

/** A model counts as too big if not even this window fits. */
const leastWindow = 4096

/**
 * All models of the models folder, then those of the hub's cache; usable ones first.
 * Damaged ones are included, with their fault. Never throws because of a model.
 */
export async function describeModels(modelsDir: string, options: DescribeOptions = {}): Promise<ModelSummary[]> {
  const places: Pick<ModelSummary, 'name' | 'path' | 'place'>[] = [
    ...lookIn(modelsDir, isForeign).map((name) => ({ name, path: join(modelsDir, name), place: 'models' as const })),
    ...cachedModels(options.hubCache ?? hubCacheDir()).map((model) => ({ ...model, place: 'hub' as const })),
  ]
  const descriptions = openDescriptionCache<Facts>(options.cache, { element: elementFor(options) }, areFacts)
  const known: KnownTokenizers = new Map()
  const factsOf = (path: string) => descriptions.get(path, () => readFacts(path, options, known))
  const found: ModelSummary[] = []
  // One after the other: a tokenizer takes much memory while it is read.
  for (const place of places) found.push({ ...place, ...withFit(await factsOf(place.path), options) })
  descriptions.save()
  // Array.sort is stable: within a rank the order of places and names stays.
  return found.sort((a, b) => rank(a) - rank(b))
}

/** Kept facts come from a file, which anything may have written. */
function areFacts(kept: object): boolean {
  const { state, fault, warnings, family, quantization, size, window, need } = kept as Record<string, unknown>
  const isOr = (type: string) => (value: unknown) => value === undefined || typeof value === type
  const { perToken, fixed } = (need ?? {}) as Record<string, unknown>
  return (
    ['ok', 'unsupported', 'damaged'].includes(state as string) &&
    (warnings === undefined || (Array.isArray(warnings) && warnings.every(isOr('string')))) &&
    [fault, family, quantization].every(isOr('string')) &&
    [size, window, perToken, fixed].every(isOr('number')) &&
    (state !== 'ok' || size !== undefined) &&
    (need === undefined || (perToken !== undefined && fixed !== undefined))
  )
}

function rank({ state }: ModelSummary): number {
  return state === 'ok' ? 0 : 1
}

/** Describes one folder. Never throws because of it. */
export async function describeModel(path: string, options: DescribeOptions = {}): Promise<Description> {
  return withFit(await readFacts(path, options, new Map()), options)
}

function withFit({ need, ...facts }: Facts, { memory, maxContext: wanted }: DescribeOptions): Description {
  const { state, size = 0, window } = facts
  return state === 'ok' ? { ...facts, ...fitting(size, need, { memory: memoryFor(memory), window, wanted }) } : facts
}

async function readFacts(path: string, options: DescribeOptions, known: KnownTokenizers): Promise<Facts> {
  const foreign = foreignFormat(path)
  if (foreign !== undefined) return { state: 'unsupported', fault: foreign }
  let checkpoint: Checkpoint
  try {
    checkpoint = await readCheckpoint(path)
  } catch (error) {
    return faultOf(error)
  }
  const { config, headers, files, warnings } = checkpoint
  const facts = {
    family: string(config.model_type),
    quantization: storedAs(config, headers).label,
    size: files.reduce((sum, file) => sum + statSync(file).size, 0),
    window: positive(textPart(config).max_position_embeddings),
  }
  const warned = () => (warnings.length > 0 ? { warnings } : {})
  try {
    // What the loader does before it reads the weights, so that the list and the loader agree.
    await checkModel(checkpoint, known)
  } catch (error) {
    return { ...facts, ...warned(), ...faultOf(error) }
  }
  return { ...facts, ...warned(), need: contextNeed(config, elementFor(options)), state: 'ok' }
}

/** What the list says of a model that is not supported; undefined for any other. Reads no tokenizer, so it is fast. */
export async function whyUnsupported(path: string): Promise<string | undefined> {
  const foreign = foreignFormat(path)
  if (foreign !== undefined) return foreign
  try {
    checkSupported(await readCheckpoint(path))
  } catch (error) {
    const { state, fault } = faultOf(error)
    return state === 'unsupported' ? fault : undefined
  }
  return undefined
}

function faultOf(error: unknown): Pick<ModelSummary, 'state' | 'fault'> {
  const { code, message } = toFault(error)
  return { state: code === 'unsupported_model' ? 'unsupported' : 'damaged', fault: message }
}

function fitting(
  weights: number,
  need: ContextNeed | undefined,
  { memory, window, wanted }: { memory: number; window?: number; wanted?: number },
): Pick<ModelSummary, 'fits' | 'fittingWindow'> {
  const most = Math.min(window ?? Number.POSITIVE_INFINITY, wanted || Number.POSITIVE_INFINITY)
  const room = longestWindow(memory, weights, need ?? { fixed: 0, perToken: 0 })
  if (room === 0) return { fits: 'no' }
  if (room === Number.POSITIVE_INFINITY || most === Number.POSITIVE_INFINITY)
    return { fits: 'yes', fittingWindow: window }
  if (room >= most) return { fits: 'yes', fittingWindow: most }
  return room < Math.min(leastWindow, most) ? { fits: 'no' } : { fits: 'short', fittingWindow: room }
}

function memoryFor(cap: number | undefined): number {
  if (cap === undefined) return Math.floor(totalmem() * DEFAULT_MEMORY_SHARE)
  return cap === 0 ? totalmem() : cap
}

/** A CPU computes in float32, Metal in the checkpoint's own 16 bits; on Linux the larger of the two is assumed. */
export function elementFor({ element = process.platform === 'darwin' ? 2 : 4 }: DescribeOptions): number {
  return element
}
