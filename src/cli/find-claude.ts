/** Where the `claude` program is. */
import { accessSync, constants, statSync } from 'node:fs'
import { delimiter, join, resolve } from 'node:path'
import { TetherError } from '../errors.js'

export interface ClaudePlaces {
  /** Asked for: this one or none. */
  explicit?: string
  /** PATH. */
  path?: string
  home: string
}

/** Absolute, or undefined if there is none. An explicit one that cannot be run throws `bad_config`. */
export function findClaude({ explicit, path = '', home }: ClaudePlaces): string | undefined {
  if (explicit !== undefined) return runnable(resolve(explicit))
  const folders = [
    ...path.split(delimiter).filter(Boolean),
    join(home, '.local', 'bin'),
    join(home, '.claude', 'local'),
  ]
  return folders.map((folder) => resolve(folder, 'claude')).find(canRun)
}

function runnable(file: string): string {
  if (canRun(file)) return file
  const stat = statSync(file, { throwIfNoEntry: false })
  const why = !stat ? 'there is no such file' : !stat.isFile() ? 'it is no file' : 'it is not executable (chmod +x)'
  throw new TetherError('bad_config', `--claude-path ${file} cannot be run: ${why}`)
}

function canRun(file: string): boolean {
  try {
    accessSync(file, constants.X_OK)
    return statSync(file).isFile()
  } catch {
    // Whatever the reason, this place does not offer a program.
    return false
  }
}
