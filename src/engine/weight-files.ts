/** Which files of a checkpoint's folder hold its weights: what the index names, or else what is there. */
import { readdirSync, statSync } from 'node:fs'
import { basename, join } from 'node:path'
import { TetherError } from '../errors.js'
import { isMissing, isObject, type JsonObject, readJson } from './json-file.js'

const INDEX = 'model.safetensors.index.json'
const SHARD = /^(.+)-(\d{5})-of-(\d{5})\.safetensors$/

export interface WeightFiles {
  /** Absolute paths. */
  files: string[]
  /** What is wrong with the index, where the files tell enough without it. */
  warning?: string
}

/**
 * The index may be missing, broken, or left over from before a conversion: then the files in the folder decide, as they
 * do for mlx-lm. Throws `bad_weights`, naming what is missing.
 */
export function weightFiles(path: string): WeightFiles {
  const names = namesIn(path)
  const index = readIndex(path)
  const { files, isWhole } = weightFilesAmong(names, 'named' in index ? index.named : [])
  const within = files.map((name) => join(path, name))
  if (isWhole) return { files: within }
  if (files.length > 0) return { files: within, warning: warningOf(path, index, names) }
  throw new TetherError('bad_weights', faultOf(path, index, names))
}

/**
 * `named`: what the index names. `isWhole`: all of these are there; else the names of the files decide. Empty: they do
 * not tell, or some are missing.
 */
export function weightFilesAmong(names: string[], named: string[]): { files: string[]; isWhole: boolean } {
  if (named.length > 0 && named.every((name) => names.includes(name))) {
    return { files: [...new Set([...named, ...siblings(named, names)])].sort(), isWhole: true }
  }
  return { files: filesWithoutIndex(names), isWhole: false }
}

/** The names in the content of an index; undefined if it has no weight_map. */
export function namesInIndex(index: JsonObject): string[] | undefined {
  if (!isObject(index.weight_map)) return undefined
  return [...new Set(Object.values(index.weight_map).filter((file) => typeof file === 'string'))].sort()
}

/** The names that the index has, or what is wrong with it. Neither: there is none. */
type Index = { named: string[] } | { fault: string } | Record<string, never>

function readIndex(path: string): Index {
  const indexPath = join(path, INDEX)
  try {
    const index = readJson(indexPath)
    if (index === undefined) return {}
    const named = namesInIndex(index)
    return named ? { named } : { fault: `${indexPath} has no weight_map` }
  } catch (error) {
    return { fault: (error as Error).message }
  }
}

/** One whole file, or a whole set of shards; else nothing. */
function filesWithoutIndex(names: string[]): string[] {
  const files = names.filter((name) => name.endsWith('.safetensors') && !isAdapter(name))
  if (files.includes('model.safetensors')) return ['model.safetensors']
  const sets = shardSets(files).filter(({ missing }) => missing.length === 0)
  const whole = sets.find(({ stem }) => stem === 'model') ?? (sets.length === 1 ? sets[0] : undefined)
  if (whole) return whole.files
  const others = files.filter((name) => !SHARD.test(name))
  const models = others.filter((name) => name.startsWith('model'))
  if (models.length > 0 || shardSets(files).length > 0) return models
  return others.length === 1 ? others : []
}

interface ShardSet {
  /** Such as `model`. */
  stem: string
  files: string[]
  missing: string[]
}

function shardSets(files: string[]): ShardSet[] {
  const sets = new Map<string, ShardSet>()
  for (const name of files) {
    const [, stem = '', , count = ''] = SHARD.exec(name) ?? []
    const total = Number(count)
    if (!total || total > files.length + 1000 || sets.has(`${stem} ${count}`)) continue
    const all = Array.from(
      { length: total },
      (_, i) => `${stem}-${`${i + 1}`.padStart(5, '0')}-of-${count}.safetensors`,
    )
    const missing = all.filter((one) => !files.includes(one))
    sets.set(`${stem} ${count}`, { stem, files: all.filter((one) => files.includes(one)), missing })
  }
  return [...sets.values()]
}

/** The rest of the sets of shards that the index names a part of. */
function siblings(named: string[], names: string[]): string[] {
  return shardSets(names)
    .filter(({ files, missing }) => missing.length === 0 && files.some((name) => named.includes(name)))
    .flatMap(({ files }) => files)
}

function warningOf(path: string, index: Index, names: string[]): string | undefined {
  if ('fault' in index) return `${index.fault}. The weights are read without it.`
  const missing = 'named' in index ? index.named.find((name) => !names.includes(name)) : undefined
  if (missing === undefined) return undefined
  return `${join(path, INDEX)} names ${missing}, which is not there. The weights are read from the files that are.`
}

function faultOf(path: string, index: Index, names: string[]): string {
  const missing = 'named' in index ? index.named.find((name) => !names.includes(name)) : undefined
  // A shard is a file of this folder, never a path that leads out of it.
  if (missing !== undefined && missing !== basename(missing)) {
    return `${join(path, INDEX)} names ${missing}, which is outside of its folder; download the file again`
  }
  const partly = isPartlyDownloaded(path)
  const fix = partly ? 'its download is not complete, continue it' : 'download that file'
  if (missing !== undefined) return `${join(path, INDEX)} names ${missing}, which is missing; ${fix}`
  if ('fault' in index) return index.fault
  const shard = shardSets(names.filter((name) => !isAdapter(name))).flatMap((set) => set.missing)[0]
  if (shard !== undefined) return `${path} has no ${shard}; ${fix}`
  const again = partly ? fix : 'download the checkpoint again'
  return `${path} has no weights: no model.safetensors and no shards of it; ${again}`
}

/** Whether Hugging Face's tools have left a part of a file: in the folder, or where they keep their downloads. */
function isPartlyDownloaded(path: string): boolean {
  const places = [path, join(path, '.cache/huggingface/download'), join(path, '../../blobs')]
  return places.some((place) => entriesOf(place).some((name) => name.endsWith('.incomplete')))
}

/** LoRA weights are no model, whatever else is in the folder. */
export function isAdapter(name: string): boolean {
  return /^adapter.*\.(safetensors|bin|npz)$/.test(name)
}

/** Files that can be read, without hidden ones: the links of an incomplete snapshot lead nowhere. */
function namesIn(path: string): string[] {
  return entriesOf(path)
    .filter((name) => !name.startsWith('.') && name.endsWith('.safetensors') && isFile(join(path, name)))
    .sort()
}

/** Empty for a folder that is not there. */
function entriesOf(path: string): string[] {
  try {
    return readdirSync(path)
  } catch {
    return []
  }
}

function isFile(path: string): boolean {
  try {
    return statSync(path).isFile()
  } catch (error) {
    if (isMissing(error)) return false
    throw error
  }
}
