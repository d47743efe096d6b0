/** Finds the `claude` program. */
import { accessSync, constants, statSync } from 'node:fs'
import { delimiter, join, resolve } from 'node:path'
import { CannotRun } from './claude-version.js'

export interface ClaudePlaces {
  /** The program that the user names; then no other is searched. */
  explicit?: string
  /** PATH. */
  path?: string
  home: string
}

/** -> its absolute path; undefined if none is found. Throws CannotRun if the named one, or each one found, cannot run. */
export function findClaude({ explicit, path = '', home }: ClaudePlaces): string | undefined {
  if (explicit !== undefined) return runnable(resolve(explicit), '--claude-path ')
  const folders = [
    ...path.split(delimiter).filter(Boolean),
    join(home, '.local', 'bin'),
    join(home, '.claude', 'local'),
  ]
  const files = folders.map((folder) => resolve(folder, 'claude'))
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
