/** Recognizes folders and files of models that are not MLX checkpoints, to say what they are and what to do. */
import { readdirSync } from 'node:fs'
import { basename, extname } from 'node:path'
import { isFile, isFolder } from './models-dir.js'

const instead = 'Use an MLX checkpoint, such as one from mlx-community.'

const reasons = {
  gguf: `GGUF is not supported. ${instead}`,
  adapter: 'a LoRA adapter is not a whole model. Merge it into its base model, for example with mlx_lm.fuse.',
  pytorch: `PyTorch weights are not supported. ${instead}`,
}

/** Why this folder or file cannot be used, as a sentence that can follow its path; undefined if its format is not known. */
export function foreignFormat(path: string): string | undefined {
  if (isFile(path)) return reasonFor(extname(path).toLowerCase())
  if (!isFolder(path)) return undefined
  const names = namesIn(path)
  if (names.includes('adapter_config.json') && !names.some(isWeights)) return reasons.adapter
  const endings = new Set(names.map((name) => extname(name).toLowerCase()))
  if (endings.has('.safetensors')) return undefined
  if (endings.has('.gguf')) return reasons.gguf
  // Other programs have .bin files as well, so only those that are named as weights count.
  return names.some((name) => /^(pytorch_model|consolidated).*\.(bin|pth?)$/i.test(name)) ? reasons.pytorch : undefined
}

/** Whether a file's name alone says that it is a model of another format. */
export function isForeignFile(path: string): boolean {
  return extname(path).toLowerCase() === '.gguf' && !basename(path).startsWith('.')
}

function reasonFor(ending: string): string | undefined {
  if (ending === '.gguf') return reasons.gguf
  return ['.bin', '.pt', '.pth'].includes(ending) ? reasons.pytorch : undefined
}

function isWeights(name: string): boolean {
  return /^model.*\.safetensors$/.test(name)
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder)
  } catch {
    return []
  }
}
