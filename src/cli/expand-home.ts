/** `~` at the front of a path, as a shell would have read it. */
import { homedir } from 'node:os'
import { join } from 'node:path'

export function expandHome(path: string): string {
  return path === '~' || path.startsWith('~/') ? join(homedir(), path.slice(1)) : path
}
