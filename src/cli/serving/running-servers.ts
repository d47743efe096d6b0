/** The record of servers that run: what a second terminal needs to reach them. One private file for each process. */
import { chmodSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { isAlive } from '../../models/pull/is-alive.js'

export interface RunningServer {
  pid: number
  /** As this machine reaches it. */
  url: string
  /** Unset: it asks none. */
  key?: string
  /** The model's name, for people. */
  model: string
  /** Tokens of prompt and answer together. */
  window: number
  /** When it was ready, as an ISO date. */
  started: string
}

/** ~/.tether/run */
export function runFolder(): string {
  return join(homedir(), '.tether', 'run')
}

/**
 * Removed when the process exits, if not before. Throws what the file system says.
 * -> removes it; safe to call twice
 */
export function recordServer(
  server: Pick<RunningServer, 'url' | 'key' | 'model' | 'window'>,
  folder = runFolder(),
): () => void {
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  chmodSync(folder, 0o700)
  const path = join(folder, `${process.pid}.json`)
  const record: RunningServer = { pid: process.pid, ...server, started: new Date().toISOString() }
  // Whoever reads meanwhile sees a whole file or none; one that a killed process left is replaced.
  writeFileSync(`${path}.part`, `${JSON.stringify(record, null, 2)}\n`, { mode: 0o600 })
  renameSync(`${path}.part`, path)
  const remove = () => {
    process.off('exit', remove)
    rmSync(path, { force: true })
  }
  process.once('exit', remove)
  return remove
}

/**
 * The servers that run, the latest first. Files of processes that are gone are removed. A process id may have been
 * given out anew after a crash: whether a server answers, only asking its /health tells.
 */
export function runningServers(folder = runFolder()): RunningServer[] {
  return filesIn(folder)
    .flatMap((name) => {
      const pid = Number(/^(\d+)\.json$/.exec(name)?.[1])
      if (!pid) return []
      const path = join(folder, name)
      if (isAlive(pid)) return read(path, pid)
      rmSync(path, { force: true })
      return []
    })
    .sort((one, other) => other.started.localeCompare(one.started))
}

/** Nothing where there is no folder yet, or can be none. */
function filesIn(folder: string): string[] {
  try {
    return readdirSync(folder)
  } catch (error) {
    if (['ENOENT', 'ENOTDIR'].includes((error as NodeJS.ErrnoException).code ?? '')) return []
    throw error
  }
}

/** One or none: it may have gone since it was listed, or not be ours. */
function read(path: string, pid: number): RunningServer[] {
  try {
    const record = JSON.parse(readFileSync(path, 'utf8')) as RunningServer
    const { url, model, window, started } = record
    const whole = [url, model, started].every((text) => typeof text === 'string') && typeof window === 'number'
    return whole && record.pid === pid ? [record] : []
  } catch {
    return []
  }
}
