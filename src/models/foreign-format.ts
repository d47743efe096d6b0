/** Recognizes folders and files of models that are not MLX checkpoints, to say what they are and what to do. */
import { basename, extname } from 'node:path'
import { foreignFile, foreignFiles } from '../engine/foreign.js'
import { isFile, isFolder } from './models-dir.js'

/** Why this folder or file cannot be used, as a sentence that can follow its path; undefined if its format is not known. */
export function foreignFormat(path: string): string | undefined {
  if (isFolder(path)) return foreignFiles(path)
  if (!isFile(path)) return undefined
  const ending = extname(path).toLowerCase()
  return foreignFile(['.bin', '.pt', '.pth'].includes(ending) ? `model${ending}` : basename(path))
}

/** Of files only those that say by their name what they are; of folders also those of adapters and PyTorch weights. */
export function isForeign(path: string): boolean {
  return isFolder(path) ? foreignFormat(path) !== undefined : isForeignFile(path)
}

/** Whether a file's name alone says that it is a model of another format. */
function isForeignFile(path: string): boolean {
  return extname(path).toLowerCase() === '.gguf' && !basename(path).startsWith('.')
}
