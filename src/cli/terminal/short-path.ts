/** A path as shown to the user, with ~ for the home folder. */
import { homedir } from 'node:os'
import { sep } from 'node:path'

export function shortPath(path: string): string {
  return path.startsWith(`${homedir()}${sep}`) ? `~${path.slice(homedir().length)}` : path
}
