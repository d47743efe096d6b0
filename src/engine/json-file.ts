/** Reads a checkpoint's JSON files, and says of a broken one what it is. */
import { TetherError } from '../errors.js'
import { DeepJsonError, parsePythonJson } from '../python-json.js'
import { MOST_OF_JSON, readRegularFileSync } from '../read-file.js'

export type JsonObject = Record<string, unknown>

/** undefined if there is no such file. Throws `bad_config`, naming the file and the fix. */
export function readJson(path: string): JsonObject | undefined {
  let text: string
  try {
    text = readRegularFileSync(path, MOST_OF_JSON).toString('utf8')
  } catch (error) {
    if (isMissing(error)) return undefined
    throw new TetherError('bad_config', `${path} cannot be read (${(error as Error).message}); ${fixOf(error)}`)
  }
  let what = 'a JSON object'
  try {
    const value = parsePythonJson(text)
    if (isObject(value)) return value
  } catch (error) {
    if (error instanceof DeepJsonError)
      throw new TetherError('bad_config', `${path} cannot be read (${error.message}); download the file again`)
    what = 'valid JSON'
  }
  throw new TetherError('bad_config', `${path} ${brokenText(text) ?? `is not ${what}; download the file again`}`)
}

/** What a file holds that is a sign of an incomplete download; undefined for anything else. Follows the file's path. */
export function brokenText(start: string): string | undefined {
  if (start.length === 0) return 'is empty; download the file again'
  if (start.startsWith('version https://git-lfs')) {
    return "is a Git LFS pointer instead of the file; run 'git lfs pull' in its folder, or download the file again"
  }
  if (/^\s*<(!doctype|html)/i.test(start)) return 'is a web page instead of the file; download the file again'
  return undefined
}

function fixOf(error: unknown): string {
  return (error as NodeJS.ErrnoException).code === undefined ? 'download the file again' : 'check its permissions'
}

/** Whether an error of node:fs says that there is no such file. */
export function isMissing(error: unknown): boolean {
  const code = (error as NodeJS.ErrnoException).code
  return code === 'ENOENT' || code === 'ENOTDIR'
}

export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
