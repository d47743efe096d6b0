/** A hidden receipt in a pulled model's folder: its commit and files, so that a later pull can check them. */
import { readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { readCheckpoint } from '../../engine/checkpoint.js'
import { TetherError } from '../../errors.js'
import { oneLine } from '../../one-line.js'
import { object, string } from '../config-fields.js'
import type { Repo } from '../repo.js'
import { showSize } from '../show-size.js'
import type { HubFile, HubModel } from './hub-model.js'
import { verifiedLog } from './part-file.js'

/** Its name. */
export const receiptFile = '.pulled.json'

export interface PulledModel {
  repo: Repo
  model: HubModel
  files: HubFile[]
}

/**
 * Removes everything else from the folder, such as files of another revision. The log of verified files stays until the
 * folder has its name, so that a pull that is killed before need not download them again.
 */
export async function writeReceipt(folder: string, { repo, model, files }: PulledModel): Promise<void> {
  const wanted = new Set(files.map(({ path }) => path))
  for (const entry of await readdir(folder)) {
    if (!wanted.has(entry) && entry !== verifiedLog) await rm(join(folder, entry), { recursive: true, force: true })
  }
  const receipt = { name: repo.name, revision: repo.revision, commit: model.commit, license: model.license, files }
  await writeFile(join(folder, receiptFile), `${JSON.stringify(receipt, null, 2)}\n`)
}

/**
 * -> commit and size of all files, as text. Reads sizes and headers, no weights.
 * Throws TetherError if something is missing.
 */
export async function checkPulled(path: string, repo: Repo): Promise<string> {
  await readCheckpoint(path).catch((error: Error) => {
    throw new TetherError(
      'download_failed',
      `${oneLine(`${path} is damaged: ${error.message}`)}\nOr remove the folder, then pull again.`,
    )
  })
  const receipt = await readReceipt(path)
  if (!receipt) return showSize(await sizeOfFiles(path))
  const { commit, revision } = receipt
  const same = [revision, commit].includes(repo.revision) || commit.startsWith(repo.revision ?? '')
  if (!same) {
    const text = `${path} is revision ${revision ?? 'main'} (${commit.slice(0, 7)}), not ${repo.revision}`
    throw new TetherError('download_failed', `${text}. Move that folder away to download the other revision.`)
  }
  for (const file of receipt.files) {
    const there = await stat(join(path, file.path)).catch(() => undefined)
    if (there?.size === file.size) continue
    const what = there ? `has ${there.size} bytes of ${file.size}` : 'is missing'
    throw new TetherError('download_failed', `${join(path, file.path)} ${what}. Remove the folder, then pull again.`)
  }
  return `${commit.slice(0, 7)}, ${showSize(receipt.files.reduce((sum, { size }) => sum + size, 0))}`
}

/** Of the files at the top of a folder, without hidden ones. */
async function sizeOfFiles(folder: string): Promise<number> {
  const names = (await readdir(folder)).filter((file) => !file.startsWith('.'))
  const found = await Promise.all(names.map((file) => stat(join(folder, file))))
  return found.reduce((sum, file) => sum + (file.isFile() ? file.size : 0), 0)
}

interface Receipt {
  commit: string
  revision?: string
  files: { path: string; size: number }[]
}

/** undefined for a model that was not pulled. */
async function readReceipt(path: string): Promise<Receipt | undefined> {
  try {
    const receipt = object(JSON.parse(await readFile(join(path, receiptFile), 'utf8')))
    const commit = string(receipt?.commit)
    const files = Array.isArray(receipt?.files) ? (receipt.files as Receipt['files']) : []
    return commit === undefined ? undefined : { commit, revision: string(receipt?.revision), files }
  } catch {
    return undefined
  }
}
