/** Finds the program of an agent. */
import { accessSync, constants, statSync } from 'node:fs'
import { delimiter, resolve } from 'node:path'
import { CannotRun } from './program-version.js'

export interface ProgramPlaces {
  /** The file that the user names with this flag; then no other is searched. */
  explicit?: { file: string; flag: string }
  /** PATH. */
  path?: string
  /** Searched after those on PATH. */
  folders?: string[]
}

/** -> its absolute path; undefined if none is found. Throws CannotRun if the named one, or each one found, cannot run. */
export function findProgram(name: string, { explicit, path = '', folders = [] }: ProgramPlaces): string | undefined {
  if (explicit !== undefined) return runnable(resolve(explicit.file), `${explicit.flag} `)
  const files = [...path.split(delimiter).filter(Boolean), ...folders].map((folder) => resolve(folder, name))
  const found = files.find((file) => whyNot(file) === undefined)
  if (found) return found
  const broken = files.find((file) => statSync(file, { throwIfNoEntry: false })?.isFile())
  return broken && runnable(broken, '')
}

function runnable(file: string, before: string): string {
  const why = whyNot(file)
  if (why === undefined) return file
  throw new CannotRun(`${before}${file} cannot be run: ${why}`)
}

/** undefined if the file looks runnable. */
function whyNot(file: string): string | undefined {
  try {
    if (!statSync(file).isFile()) return 'it is not a file'
    accessSync(file, constants.X_OK)
    return undefined
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    if (code === 'ENOENT' || code === 'ENOTDIR') return 'no such file'
    if (code === 'EACCES') return 'it is not executable (chmod +x)'
    return message
  }
}
