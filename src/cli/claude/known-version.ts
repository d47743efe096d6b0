/** The version of a `claude` program, kept between starts: asking the program takes longer than all else of a start. */
import { readFileSync, statSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { writePrivate } from '../../write-private.js'
import { programVersion } from '../agents/program-version.js'

/** ~/.tether/cache/claude.json */
function versionFile(): string {
  return join(homedir(), '.tether', 'cache', 'claude.json')
}

/** As programVersion. Kept for as long as the file is the same: an update replaces it, or the link to it. */
export async function knownVersion(program: string, file = versionFile()): Promise<string | undefined> {
  const stamp = stampOf(program)
  const kept = readKept(file)
  if (stamp !== undefined && kept?.stamp === stamp) return kept.version
  const version = await programVersion(program)
  if (stamp !== undefined && version !== undefined) writePrivate(file, `${JSON.stringify({ stamp, version })}\n`)
  return version
}

function stampOf(program: string): string | undefined {
  try {
    const { dev, ino, size, mtimeMs } = statSync(program)
    return `${program} ${dev} ${ino} ${size} ${mtimeMs}`
  } catch {
    return undefined
  }
}

function readKept(file: string): { stamp: string; version: string } | undefined {
  try {
    const { stamp, version } = JSON.parse(readFileSync(file, 'utf8')) as Record<string, unknown>
    return typeof stamp === 'string' && typeof version === 'string' ? { stamp, version } : undefined
  } catch {
    return undefined
  }
}
