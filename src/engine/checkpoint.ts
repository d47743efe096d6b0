/** A checkpoint's folder, read and checked before any weight is: config.json, its weight files, its stop tokens. */
import { closeSync, fstatSync, openSync, readFileSync, readSync, statSync } from 'node:fs'
import { basename, join, resolve } from 'node:path'
import { TetherError } from '../errors.js'
import { namesOf, plainSampling, type Sampling, samplingOptions } from '../options.js'

export interface Checkpoint {
  /** Absolute path of the folder. */
  path: string
  name: string
  config: Record<string, unknown>
  /** Absolute paths of the .safetensors files, as long as their headers say. */
  files: string[]
  /** What the header of each file says of its tensors, by name. */
  headers: Record<string, TensorHeader>[]
  /** Ids that end a turn, by generation_config.json, else by config.json. */
  stopTokens: number[]
  /** What the checkpoint's makers suggest, from generation_config.json. */
  sampling: Sampling
}

export interface TensorHeader {
  /** As safetensors spells it: BF16, U32, … */
  dtype: string
  shape: number[]
  data_offsets: [number, number]
}

const HEADER_LIMIT = 100 * 1024 * 1024

/**
 * Throws `model_not_found`, `bad_config` or `bad_weights`. Reads synchronously: these are a few small reads, each of
 * which takes several times longer through libuv's threads, and a list of models makes thousands of them.
 */
export async function readCheckpoint(folder: string): Promise<Checkpoint> {
  const path = resolve(folder)
  const config = readJson(join(path, 'config.json'))
  if (!config) {
    throw new TetherError(
      'model_not_found',
      `${path} is not a model: it has no config.json. Pass the folder of an MLX checkpoint.`,
    )
  }
  const generation = readJson(join(path, 'generation_config.json')) ?? {}
  const text = isObject(config.text_config) ? config.text_config : {}
  const stopTokens = tokenIds(generation.eos_token_id ?? config.eos_token_id ?? text.eos_token_id)
  const files = weightFiles(path)
  const headers = files.map(readSafetensors)
  return { path, name: basename(path), config, files, headers, stopTokens, sampling: samplingDefaults(generation) }
}

/** undefined if there is no such file. */
function readJson(path: string): Record<string, unknown> | undefined {
  let text: string
  try {
    text = readFileSync(path, 'utf8')
  } catch (error) {
    if (isMissing(error)) return undefined
    throw new TetherError('bad_config', `${path} cannot be read (${(error as Error).message}). Check its permissions.`)
  }
  try {
    const value: unknown = JSON.parse(text)
    if (isObject(value)) return value
  } catch {
    // Thrown below: broken JSON and JSON of the wrong kind need the same fix.
  }
  throw new TetherError('bad_config', `${path} is not valid JSON: download it again`)
}

function tokenIds(value: unknown): number[] {
  const list = Array.isArray(value) ? value : [value]
  return list.filter((id): id is number => Number.isInteger(id) && id >= 0)
}

/** Without do_sample the checkpoint decodes greedily, as in transformers, whatever temperature it states. */
function samplingDefaults(generation: Record<string, unknown>): Sampling {
  const sampling = { ...plainSampling }
  for (const name of namesOf(samplingOptions)) {
    const value = generation[samplingOptions[name].key]
    if (typeof value === 'number') sampling[name] = value
  }
  return generation.do_sample === true ? sampling : { ...sampling, temperature: 0 }
}

function weightFiles(path: string): string[] {
  const indexPath = join(path, 'model.safetensors.index.json')
  const index = readJson(indexPath)
  if (!index) {
    const single = join(path, 'model.safetensors')
    if (exists(single)) return [single]
    throw new TetherError(
      'bad_weights',
      `${path} has no model.safetensors and no model.safetensors.index.json. Download the checkpoint again.`,
    )
  }
  const map = index.weight_map
  if (!isObject(map) || !Object.values(map).every((file) => typeof file === 'string')) {
    throw new TetherError('bad_weights', `${indexPath} has no weight_map. Download the file again.`)
  }
  const names = [...new Set(Object.values(map) as string[])].sort()
  for (const name of names) {
    // A shard is a file of this folder, never a path that leads out of it.
    if (name !== basename(name)) {
      throw new TetherError('bad_weights', `${indexPath} names ${name}, which is outside of its folder`)
    }
    if (!exists(join(path, name))) {
      throw new TetherError('bad_weights', `${indexPath} names ${name}, which is missing. Download that file.`)
    }
  }
  return names.map((name) => join(path, name))
}

/** The header must parse and the file must be as long as the header says, so an incomplete download is found here. */
function readSafetensors(path: string): Record<string, TensorHeader> {
  const bad = (what: string) => new TetherError('bad_weights', `${path} ${what}. Download the file again.`)
  const file = openFile(path, bad)
  try {
    const { size } = fstatSync(file)
    const head = Buffer.alloc(8)
    const bytesRead = readSync(file, head, 0, 8, 0)
    const length = bytesRead === 8 ? Number(head.readBigUInt64LE()) : 0
    if (length < 2 || length > HEADER_LIMIT) throw bad('is not a safetensors file')
    if (8 + length > size) throw bad(`is truncated: ${size} bytes, its header alone has ${8 + length}`)
    const buffer = Buffer.alloc(length)
    readSync(file, buffer, 0, length, 8)
    const tensors = parseHeader(buffer, bad)
    const needed = 8 + length + Math.max(0, ...Object.values(tensors).map(({ data_offsets: [, end] }) => end))
    if (size < needed) throw bad(`is truncated: ${size} bytes of ${needed}`)
    return tensors
  } finally {
    closeSync(file)
  }
}

function openFile(path: string, bad: (what: string) => TetherError): number {
  try {
    return openSync(path, 'r')
  } catch (error) {
    throw bad(`cannot be opened (${(error as Error).message})`)
  }
}

function parseHeader(header: Buffer, bad: (what: string) => TetherError): Record<string, TensorHeader> {
  let tensors: unknown
  try {
    tensors = JSON.parse(header.toString('utf8'))
  } catch {
    throw bad('has a broken header')
  }
  if (!isObject(tensors)) throw bad('has a broken header')
  delete tensors.__metadata__
  for (const [name, tensor] of Object.entries(tensors)) {
    if (!isTensorHeader(tensor)) throw bad(`has a broken header (tensor ${name})`)
  }
  return tensors as Record<string, TensorHeader>
}

function isTensorHeader(value: unknown): value is TensorHeader {
  if (!isObject(value)) return false
  const { dtype, shape, data_offsets: offsets } = value
  return typeof dtype === 'string' && isNumbers(shape) && isNumbers(offsets) && offsets.length === 2
}

function isNumbers(value: unknown): value is number[] {
  return Array.isArray(value) && value.every((item) => typeof item === 'number')
}

function exists(path: string): boolean {
  try {
    return statSync(path).isFile()
  } catch (error) {
    if (isMissing(error)) return false
    throw error
  }
}

function isMissing(error: unknown): boolean {
  const code = (error as NodeJS.ErrnoException).code
  return code === 'ENOENT' || code === 'ENOTDIR'
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
