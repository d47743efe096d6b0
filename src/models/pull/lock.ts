/** A lock, so that one process at a time pulls a model: a file with the process id, valid while that process lives. */
import { link, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { uptime } from 'node:os'
import { dirname } from 'node:path'
import { TetherError } from '../../errors.js'
import { makeFolder } from '../../make-folder.js'
import { isAlive } from './is-alive.js'

/** -> releases it. Throws `download_failed` if another process has it. */
export async function takeLock(path: string, what: string): Promise<() => Promise<void>> {
  makeFolder(dirname(path))
  const own = `${path}.${process.pid}`
  await writeFile(own, `${process.pid}\n`)
  try {
    // A link is created with its content, so a lock without a process id cannot be seen.
    for (let tries = 0; tries < 5; tries++) {
      try {
        await link(own, path)
        return () => rm(path, { force: true })
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
      }
      const holder = await holderOf(path)
      if (holder !== undefined) {
        throw new TetherError(
          'download_failed',
          `${what} is already being downloaded by process ${holder}. Wait until it is done.`,
        )
      }
      await rm(path, { force: true })
    }
    throw new TetherError('download_failed', `cannot lock ${path}. Remove that file, then run the command again.`)
  } finally {
    await rm(own, { force: true })
  }
}

/** The process that holds it, if there still is one. */
async function holderOf(path: string): Promise<number | undefined> {
  try {
    const pid = Number.parseInt(await readFile(path, 'utf8'), 10)
    const { mtimeMs } = await stat(path)
    // Process ids start over when the machine boots.
    const older = mtimeMs < Date.now() - uptime() * 1000
    return !older && Number.isInteger(pid) && isAlive(pid) ? pid : undefined
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
}
