/** The hub that models are pulled from: its address, the user's token, and what it says of a model. */
import { readFileSync } from 'node:fs'
import { TetherError } from '../../errors.js'
import { object, positive, string } from '../config-fields.js'
import { hubTokenFile } from '../hub-paths.js'
import type { Repo } from '../repo.js'
import type { HubClient } from './hub-client.js'

/** The only host that tether ever contacts, and only when it is asked to pull. */
const publicHub = 'https://huggingface.co'

export interface Hub {
  /** Without a slash at its end. */
  endpoint: string
  token?: string
}

export interface HubFile {
  path: string
  size: number
  /** How its content is known: large files by sha256, small ones as git names them. */
  hash: { kind: 'sha256' | 'git-sha1'; hex: string }
}

export interface HubModel {
  /** As the hub spells it, which may differ in case from what was asked for. */
  name: string
  /** What the revision stood for when it was asked. */
  commit: string
  files: HubFile[]
}

/** By HF_ENDPOINT and HF_TOKEN, or the file of the hub's own command line. Throws `download_failed` if told to stay offline. */
export function readHub(env: Record<string, string | undefined> = process.env): Hub {
  if (/^(1|on|yes|true)$/i.test(env.HF_HUB_OFFLINE ?? '')) {
    throw new TetherError('download_failed', 'HF_HUB_OFFLINE says to stay off the network; unset it to pull a model')
  }
  const endpoint = (env.HF_ENDPOINT || publicHub).replace(/\/+$/, '')
  if (!URL.canParse(endpoint) || !/^https?:$/.test(new URL(endpoint).protocol)) {
    throw new TetherError('download_failed', `HF_ENDPOINT must be an http or https address, not ${endpoint}`)
  }
  return { endpoint, token: env.HF_TOKEN?.trim() || env.HUGGING_FACE_HUB_TOKEN?.trim() || tokenOf(hubTokenFile(env)) }
}

export function fileUrl({ endpoint }: Hub, model: HubModel, path: string): string {
  return `${endpoint}/${model.name}/resolve/${model.commit}/${encodeURIComponent(path)}`
}

/** Throws `model_not_found`, `unauthorized` or `download_failed`. */
export async function askHub(hub: Hub, client: HubClient, { name, revision = 'main' }: Repo): Promise<HubModel> {
  const url = `${hub.endpoint}/api/models/${name}/revision/${encodeURIComponent(revision)}?blobs=true`
  const answer = object(await client.json(url, `${name}@${revision}`))
  const commit = string(answer?.sha)
  const siblings = answer?.siblings
  if (!commit || !/^[\w-]+$/.test(commit) || !Array.isArray(siblings)) {
    throw new TetherError('download_failed', `${hub.endpoint} gave no list of the files of ${name}; check HF_ENDPOINT`)
  }
  return { name, commit, files: siblings.map(fileOf).filter((file) => file !== undefined) }
}

/** Only files at the top of the repository: nothing deeper is needed, and no path can lead out of the folder. */
function fileOf(value: unknown): HubFile | undefined {
  const file = object(value)
  const path = string(file?.rfilename)
  if (!file || !path || !/^[\w][\w.+-]*$/.test(path)) return undefined
  const lfs = object(file.lfs)
  const size = positive(lfs?.size) ?? positive(file.size) ?? 0
  const sha256 = string(lfs?.sha256) ?? string(lfs?.oid)
  const blob = string(file.blobId)
  if (sha256) return { path, size, hash: { kind: 'sha256', hex: sha256 } }
  return blob ? { path, size, hash: { kind: 'git-sha1', hex: blob } } : undefined
}

function tokenOf(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8').trim() || undefined
  } catch {
    // Nobody has signed in on this machine.
    return undefined
  }
}
