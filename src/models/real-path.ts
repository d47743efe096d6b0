/** Where a path leads, without links on the way. */
import { realpathSync } from 'node:fs'

/** The path itself where nothing is there. */
export function realPath(path: string): string {
  try {
    return realpathSync(path)
  } catch {
    return path
  }
}
