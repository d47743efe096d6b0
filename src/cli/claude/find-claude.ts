/** Finds the `claude` program. */
import { join } from 'node:path'
import { findProgram } from '../agents/find-program.js'

export interface ClaudePlaces {
  /** The program that the user names; then no other is searched. */
  explicit?: string
  /** PATH. */
  path?: string
  home: string
}

/** -> its absolute path; undefined if none is found. Throws CannotRun if the named one, or each one found, cannot run. */
export function findClaude({ explicit, path, home }: ClaudePlaces): string | undefined {
  const named = explicit === undefined ? undefined : { file: explicit, flag: '--claude-path' }
  return findProgram('claude', {
    explicit: named,
    path,
    folders: [join(home, '.local/bin'), join(home, '.claude/local')],
  })
}
