/** A lock, so that of two tethers that start at once one starts a server and the other one attaches to it. */
import { linkSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { makeFolder } from '../../make-folder.js'
import { runFolder } from '../serving/run-folder.js'
import { type ProcessId, stillRuns, thisProcess } from './process-birth.js'

const pollMs = 20
/** It is held while a server's process starts, not while a model is loaded. */
const patienceMs = 30_000

/**
 * Waits until no other tether has it. A lock whose owner is gone is broken. Throws the error of the file system where the
 * folder cannot be written. -> releases it; safe to call twice
 */
export async function takeStartLock(folder = runFolder()): Promise<() => void> {
  makeFolder(folder, 0o700)
  const path = join(folder, 'start.lock')
  const own = `${path}.${process.pid}`
  try {
    writeFileSync(own, JSON.stringify(thisProcess()), { mode: 0o600 })
    const end = performance.now() + patienceMs
    // An owner that hangs must not keep others from starting.
    while (!created(own, path) && performance.now() < end) {
      if (isStale(path)) breakLock(path)
      else await sleep(pollMs)
    }
  } finally {
    rmSync(own, { force: true })
  }
  const release = () => {
    process.off('exit', release)
    if (ownerOf(path)?.pid === process.pid) rmSync(path, { force: true })
  }
  process.once('exit', release)
  return release
}

/** A link appears with its content, so nobody sees a lock without an owner. */
function created(own: string, path: string): boolean {
  try {
    linkSync(own, path)
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false
    throw error
  }
}

function isStale(path: string): boolean {
  const owner = ownerOf(path)
  return owner !== undefined && !stillRuns(owner)
}

/** undefined: there is no lock. Of one that cannot be read nobody is the owner: process 0 never is ours. */
function ownerOf(path: string): ProcessId | undefined {
  try {
    const { pid, birth } = JSON.parse(readFileSync(path, 'utf8')) as Partial<ProcessId>
    return typeof pid === 'number' ? { pid, birth } : { pid: nobody }
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ENOENT' ? undefined : { pid: nobody }
  }
}

/** Larger than any process id. */
const nobody = 2 ** 31 - 1

/** Of several that break it one succeeds; if that one took the lock of somebody who lives, it is given back. */
function breakLock(path: string): void {
  const taken = `${path}.${process.pid}.stale`
  try {
    renameSync(path, taken)
    if (!isStale(taken)) linkSync(taken, path)
  } catch {
    // Another one was faster.
  }
  rmSync(taken, { force: true })
}
