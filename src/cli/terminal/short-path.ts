/** A path as shown to the user, with ~ for the home folder. */
import { homedir } from 'node:os'
import { sep } from 'node:path'
import { oneLine } from '../../one-line.js'

export function shortPath(path: string): string {
  return oneLine(path.startsWith(`${homedir()}${sep}`) ? `~${path.slice(homedir().length)}` : path)
}
