/** The record of running servers, with what another terminal needs to reach them. One private file for each process. */
import { chmodSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { homedir, userInfo } from 'node:os'
import { join } from 'node:path'
import { TetherError } from '../../errors.js'
import { makeFolder } from '../../make-folder.js'
import { reasonOf } from '../../one-line.js'
import { writeWhole } from '../../write-private.js'
import { stillRuns, thisProcess } from '../sharing/process-birth.js'
import { quoted } from '../terminal/quoted.js'
import { runFolder } from './run-folder.js'

/** A server, from the moment that it listens. */
export interface ServerRecord {
  pid: number
  /** When its process began, in the system's own words. Unset: the system did not say. */
  birth?: string
  /** Of tether. */
  version?: string
  /** Its address on this machine. */
  url: string
  /** Unset: it needs none. */
  key?: string
  /** The model's name, as shown to the user. */
  model: string
  /** What its model for background requests is called. Unset: there is none. */
  small?: string
  /** Tokens of prompt and answer together. Unset: the model is still loading. */
  window?: number
  /** The file of the certificates that its clients have to trust. Unset: the server speaks plain HTTP. */
  certificates?: string
  /** When this was written, as an ISO date. */
  started: string
  /** Where other tethers talk to it. Unset: they cannot. */
  shared?: SharedAt
}

/** A model of a server. */
export interface ModelAt {
  /** The model's folder, and what tells its files from others. */
  path: string
  stamp: string
  /** Its settings, by their keys: those that another terminal would have to ask for to mean this server. */
  settings: Record<string, unknown>
}

export interface SharedAt extends ModelAt {
  /** The path of its socket. */
  socket: string
  /** Its other models, loaded or not, by the names that requests give. Unset: there are none. */
  others?: (ModelAt & { name: string })[]
}

/** One whose model is loaded. */
export interface RunningServer extends ServerRecord {
  window: number
}

/** Writes the certificates that clients of this process's server have to trust. -> their file, which goes with the record */
export function writeCertificates(pem: string, folder = runFolder()): string {
  const path = join(folder, `${process.pid}.pem`)
  writeWhole(path, pem)
  return path
}

/** Of this process's server. */
export function recordPath(folder = runFolder()): string {
  return join(folder, `${process.pid}.json`)
}

/**
 * Writes the record of this process's server, or writes it again. Throws the error of the file system.
 * -> removes it; safe to call twice, and called when the process exits
 */
export function recordServer(
  server: Omit<ServerRecord, 'pid' | 'birth' | 'started'>,
  folder = runFolder(),
): () => void {
  makeFolder(folder, 0o700)
  chmodSync(folder, 0o700)
  const path = recordPath(folder)
  const record: ServerRecord = { ...thisProcess(), ...server, started: new Date().toISOString() }
  writeWhole(path, `${JSON.stringify(record, null, 2)}\n`)
  const remove = () => {
    process.off('exit', remove)
    removeAll(path)
  }
  process.once('exit', remove)
  return remove
}

/** Servers whose model is loaded, the latest first. Only /health tells whether one answers. */
export function runningServers(folder = runFolder()): RunningServer[] {
  return serverRecords(folder).filter((record): record is RunningServer => record.window !== undefined)
}

/** Those that can be known of: none where the records cannot be read. */
export function knownServers(folder = runFolder()): ServerRecord[] {
  try {
    return serverRecords(folder)
  } catch {
    return []
  }
}

/**
 * The same with those whose model is loading. Removes the files of processes that are gone. Throws `no_server` where the
 * folder cannot be read.
 */
export function serverRecords(folder = runFolder()): ServerRecord[] {
  return filesIn(folder)
    .flatMap((name) => {
      const pid = Number(/^(\d+)\.json$/.exec(name)?.[1])
      if (!pid) return []
      const path = join(folder, name)
      const records = read(path, pid)
      // Of a file that is no record the process id is all that is known.
      if (stillRuns(records[0] ?? { pid })) return records
      removeAll(path)
      return []
    })
    .sort((one, other) => other.started.localeCompare(one.started))
}

/** The record with what lies beside it. What cannot be removed stays. */
function removeAll(record: string): void {
  for (const ending of ['json', 'pem', 'sock']) {
    try {
      rmSync(record.replace(/json$/, ending), { recursive: true, force: true })
    } catch {
      // The folder is another user's, say: that keeps nobody from a server.
    }
  }
}

/** Empty if there is no folder. Throws `no_server`. */
function filesIn(folder: string): string[] {
  try {
    return readdirSync(folder)
  } catch (cause) {
    if (['ENOENT', 'ENOTDIR'].includes((cause as NodeJS.ErrnoException).code ?? '')) return []
    const why = `whether a tether runs cannot be known: ${reasonOf(cause)}`
    const own = `sudo chown -R ${userInfo().uid} ${quoted(join(homedir(), '.tether'))}`
    throw new TetherError('no_server', `${why}. It has to be a folder that you can read. To make it yours:\n  ${own}`, {
      cause,
    })
  }
}

/** One or none: the file may be gone since it was listed, or be something else. */
function read(path: string, pid: number): ServerRecord[] {
  try {
    const record = JSON.parse(readFileSync(path, 'utf8')) as ServerRecord
    const { url, model, window, started } = record
    const isNumberOrUnset = window === undefined || typeof window === 'number'
    const whole =
      [url, model, started].every((text) => typeof text === 'string') && URL.canParse(url) && isNumberOrUnset
    return whole && record.pid === pid ? [record] : []
  } catch {
    return []
  }
}
