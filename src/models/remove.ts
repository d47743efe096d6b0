/** Deletes what was planned, file by file, so that it can be stopped in between. */
import { lstat, readdir, rename, rmdir, unlink } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { TetherError } from '../errors.js'
import { takeLock } from './pull/lock.js'
import type { Removal, Step } from './removal.js'

export interface Removed {
  /** Bytes of the files that are gone. */
  freed: number
  /** What could not be deleted, with the reason. */
  failed: { path: string; reason: string }[]
  isStopped: boolean
}

/** Throws `download_failed` while a pull of the same model runs. A second call deletes what the first has left. */
export async function remove({ name, folder, steps, lock }: Removal, signal: AbortSignal): Promise<Removed> {
  const removed: Removed = { freed: 0, failed: [], isStopped: false }
  let unlock: (() => Promise<void>) | undefined
  await noting(folder, removed, async () => {
    if (lock !== undefined) unlock = await takeLock(lock, name)
  })
  if (removed.failed.length > 0) return removed
  try {
    for (const step of steps) await take(step, removed, signal)
  } finally {
    await unlock?.()
  }
  // The organization's folder, if this was its last model.
  if (lock !== undefined && name.includes('/')) await rmdir(dirname(lock)).catch(() => {})
  return removed
}

async function take({ path, hideAs }: Step, removed: Removed, signal: AbortSignal): Promise<void> {
  if (stopped(removed, signal)) return
  await noting(path, removed, async () => {
    if (hideAs === undefined) return takeAll(path, removed, signal)
    // What an earlier call has left there.
    await takeAll(hideAs, removed, signal)
    if (removed.isStopped) return
    await rename(path, hideAs)
    await takeAll(hideAs, removed, signal)
  })
}

/** Follows no link. */
async function takeAll(path: string, removed: Removed, signal: AbortSignal): Promise<void> {
  if (stopped(removed, signal)) return
  await noting(path, removed, async () => {
    const about = await lstat(path)
    if (!about.isDirectory()) {
      await unlink(path)
      // What has another name stays on the disk.
      if (about.isFile() && about.nlink === 1) removed.freed += Math.min(about.size, about.blocks * 512)
      return
    }
    const failed = removed.failed.length
    for (const name of await readdir(path)) await takeAll(join(path, name), removed, signal)
    if (!removed.isStopped && removed.failed.length === failed) await rmdir(path)
  })
}

async function noting(path: string, removed: Removed, act: () => Promise<void>): Promise<void> {
  try {
    await act()
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    if (error instanceof TetherError || code === undefined) throw error
    // Somebody else deletes it too.
    if (code !== 'ENOENT') removed.failed.push({ path, reason: message })
  }
}

function stopped(removed: Removed, signal: AbortSignal): boolean {
  removed.isStopped ||= signal.aborted
  return removed.isStopped
}
