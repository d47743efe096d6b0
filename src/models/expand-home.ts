/** Expands a `~` at the front of a path, as a shell does. */
import { homedir } from 'node:os'
import { join } from 'node:path'

export function expandHome(path: string, home = homedir()): string {
  return path === '~' || path.startsWith('~/') ? join(home, path.slice(1)) : path
}
