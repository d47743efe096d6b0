/** Where the servers of this machine are recorded. Containers and other machines may have the same home: each has its own. */
import { createHash } from 'node:crypto'
import { readdirSync, rmSync, statSync } from 'node:fs'
import { homedir } from 'node:os'
import { basename, dirname, join } from 'node:path'
import { placeOfIds } from '../sharing/process-birth.js'

/** ~/.tether/run/PLACE: in it process ids mean processes that are seen from here. */
export function runFolder(home = homedir()): string {
  const place = placeOfIds()
  const name = place === undefined ? 'here' : createHash('sha256').update(place).digest('hex').slice(0, 8)
  return join(home, '.tether', 'run', name)
}

const oldMs = 7 * 24 * 3600_000

/**
 * Removes the folders of other places in which nothing has changed for a week: a container that is gone leaves its own. A server
 * that lives makes its files again. What cannot be removed stays.
 */
export function forgetOldPlaces(folder = runFolder()): void {
  try {
    for (const name of readdirSync(dirname(folder))) {
      if (name === basename(folder) || !/^[0-9a-f]{8}$/.test(name)) continue
      const path = join(dirname(folder), name)
      if (Date.now() - statSync(path).mtimeMs > oldMs) rmSync(path, { recursive: true, force: true })
    }
  } catch {
    // Another user's, say.
  }
}
