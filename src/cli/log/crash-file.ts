/** The files that crashes of native code leave in ~/.tether: where the next one goes, and what the next start says of them. */
import { appendFileSync, closeSync, fstatSync, openSync, readdirSync, readSync, rmSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { makeFolder } from '../../make-folder.js'
import { oneLine } from '../../one-line.js'
import { version } from '../package.js'
import { shortPath } from '../terminal/short-path.js'
import { stamp } from './log-file.js'

export interface CrashFile {
  path: string
  /** What the file begins with. */
  about: string
}

/** How many stay. */
const KEEP = 10
const NAME = /^crash-\d{8}-\d{6}-\d+\.txt$/
/** The last line of a file that was told of. */
const TOLD = 'told: '

/** For a run that loads this model. undefined: a home that is not writable costs the file, not the session. */
export function crashFile(model: string, folder = crashFolder()): CrashFile | undefined {
  const now = new Date()
  try {
    makeFolder(folder, 0o700)
    // Their order is that of time, and a run that crashes adds one.
    for (const old of crashesIn(folder).slice(KEEP - 1)) rmSync(join(folder, old), { force: true })
  } catch {
    return undefined
  }
  const { platform, arch, version: node } = process
  const about = [
    `tether ${version()} on ${platform} ${arch}, Node ${node}`,
    `model: ${oneLine(model)}`,
    `process: ${process.pid}, started ${now.toISOString()}`,
  ]
  return { path: join(folder, `crash-${stamp(now)}-${process.pid}.txt`), about: `${about.join('\n')}\n` }
}

/** Names the crashes of earlier runs, each once. */
export function tellOfCrashes(say: (line: string) => void, folder = crashFolder()): void {
  let names: string[] = []
  try {
    names = crashesIn(folder)
  } catch {
    // There is no such folder yet.
  }
  const untold = names.filter((name) => markTold(join(folder, name)))
  const [newest] = untold
  if (newest === undefined) return
  const more = untold.length > 1 ? ` (and ${untold.length - 1} before that)` : ''
  say(`tether crashed in an earlier run${more}: ${shortPath(join(folder, newest))} says what ran`)
}

function crashFolder(): string {
  return join(homedir(), '.tether')
}

/** The newest first. */
function crashesIn(folder: string): string[] {
  return readdirSync(folder)
    .filter((name) => NAME.test(name))
    .sort()
    .reverse()
}

/** -> whether it was not told of before. One that cannot be marked would be told of at every start, so it is not. */
function markTold(path: string): boolean {
  try {
    if (endOf(path).includes(`\n${TOLD}`)) return false
    appendFileSync(path, `\n${TOLD}${new Date().toISOString()}\n`)
    return true
  } catch {
    return false
  }
}

function endOf(path: string): string {
  const file = openSync(path, 'r')
  try {
    const end = Buffer.alloc(100)
    const length = readSync(file, end, 0, end.length, Math.max(0, fstatSync(file).size - end.length))
    return end.toString('utf8', 0, length)
  } finally {
    closeSync(file)
  }
}
