/** The record of running servers, with what another terminal needs to reach them. One private file for each process. */
import { chmodSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { makeFolder } from '../../make-folder.js'
import { isAlive } from '../../models/pull/is-alive.js'

export interface RunningServer {
  pid: number
  /** Its address on this machine. */
  url: string
  /** Unset: it needs none. */
  key?: string
  /** The model's name, as shown to the user. */
  model: string
  /** Tokens of prompt and answer together. */
  window: number
  /** The file of the certificates that its clients have to trust. Unset: the server speaks plain HTTP. */
  certificates?: string
  /** When it was ready, as an ISO date. */
  started: string
}

/** ~/.tether/run */
export function runFolder(): string {
  return join(homedir(), '.tether', 'run')
}

/** Writes the certificates that clients of this process's server have to trust. -> their file, which goes with the record */
export function writeCertificates(pem: string, folder = runFolder()): string {
  const path = join(folder, `${process.pid}.pem`)
  makeFolder(folder, 0o700)
  writeFileSync(`${path}.part`, pem, { mode: 0o600 })
  renameSync(`${path}.part`, path)
  return path
}

/**
 * Writes the record of this process's server. Throws the error of the file system.
 * -> removes it; safe to call twice, and called when the process exits
 */
export function recordServer(server: Omit<RunningServer, 'pid' | 'started'>, folder = runFolder()): () => void {
  makeFolder(folder, 0o700)
  chmodSync(folder, 0o700)
  const path = join(folder, `${process.pid}.json`)
  const record: RunningServer = { pid: process.pid, ...server, started: new Date().toISOString() }
  // Renamed into place, so that readers see a whole file or none.
  writeFileSync(`${path}.part`, `${JSON.stringify(record, null, 2)}\n`, { mode: 0o600 })
  renameSync(`${path}.part`, path)
  const remove = () => {
    process.off('exit', remove)
    for (const gone of [path, certificatesOf(path)]) rmSync(gone, { force: true })
  }
  process.once('exit', remove)
  return remove
}

/**
 * Running servers, the latest first. Removes the files of processes that are gone. A process id may have been reused
 * after a crash, so only /health tells whether a server answers.
 */
export function runningServers(folder = runFolder()): RunningServer[] {
  return filesIn(folder)
    .flatMap((name) => {
      const pid = Number(/^(\d+)\.json$/.exec(name)?.[1])
      if (!pid) return []
      const path = join(folder, name)
      if (isAlive(pid)) return read(path, pid)
      for (const gone of [path, certificatesOf(path)]) rmSync(gone, { force: true })
      return []
    })
    .sort((one, other) => other.started.localeCompare(one.started))
}

function certificatesOf(record: string): string {
  return record.replace(/json$/, 'pem')
}

/** Empty if there is no folder. */
function filesIn(folder: string): string[] {
  try {
    return readdirSync(folder)
  } catch (error) {
    if (['ENOENT', 'ENOTDIR'].includes((error as NodeJS.ErrnoException).code ?? '')) return []
    throw error
  }
}

/** One or none: the file may be gone since it was listed, or be something else. */
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
