/** Whether a word that may be a path or the name of a model is a path. */
import { resolve } from 'node:path'
import { expandHome } from './expand-home.js'
import { isModel } from './models-dir.js'

/** `folder`: where a relative path starts. Default: that of the process. */
export function isPathOfModel(word: string, folder = ''): boolean {
  return /^[./~]/.test(word) || isModel(resolve(folder, expandHome(word)))
}
