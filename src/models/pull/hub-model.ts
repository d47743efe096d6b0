/** What the hub says about a model: its commit, and the files at the top of its repository. */
import { TetherError } from '../../errors.js'
import { object, positive, string } from '../config-fields.js'
import { parseRepo, type Repo } from '../repo.js'
import type { Hub } from './hub.js'
import type { HubClient } from './hub-client.js'

export interface HubFile {
  path: string
  size: number
  /** sha256 for large files, git's own hash for small ones. */
  hash: { kind: 'sha256' | 'git-sha1'; hex: string }
}

export interface HubModel {
  name: string
  /** The commit that the revision named when the hub was asked. */
  commit: string
  files: HubFile[]
  /** The paths of all files, also of those in folders. */
  paths: string[]
  /** The model that this one was made from, if the hub knows it. */
  baseModel?: string
  /** As its page says, such as `apache-2.0`. */
  license?: string
}

/** Throws `model_not_found`, `unauthorized` or `download_failed`. */
export async function fetchHubModel(hub: Hub, client: HubClient, { name, revision }: Repo): Promise<HubModel> {
  const url = `${hub.endpoint}/api/models/${name}/revision/${encodeURIComponent(revision ?? 'main')}?blobs=true`
  const answer = object(await client.json(url, revision === undefined ? name : `${name}@${revision}`))
  const commit = string(answer?.sha)
  const siblings = answer?.siblings
  if (!commit || !/^[\w-]+$/.test(commit) || !Array.isArray(siblings)) {
    const { host } = new URL(hub.endpoint)
    throw new TetherError('download_failed', `${host} gave no list of the files of ${name}. Check HF_ENDPOINT.`)
  }
  const paths = siblings.map((file) => string(object(file)?.rfilename)).filter((path) => path !== undefined)
  const files = siblings.map(readFile).filter((file) => file !== undefined)
  return { name, commit, files, paths, baseModel: baseModelOf(answer?.tags), license: licenseOf(answer?.tags) }
}

/** From tags such as `base_model:adapter:org/name`. */
function baseModelOf(tags: unknown): string | undefined {
  const names = (Array.isArray(tags) ? tags : []).map((tag) => /^base_model:(?:\w+:)?(.*)$/.exec(String(tag))?.[1])
  return names.map((name) => name && parseRepo(name)?.name).find((name) => name !== undefined)
}

function licenseOf(tags: unknown): string | undefined {
  const licenses = (Array.isArray(tags) ? tags : []).map((tag) => /^license:([\w.-]{1,100})$/.exec(String(tag))?.[1])
  return licenses.find((license) => license !== undefined)
}

export function fileUrl({ endpoint }: Hub, model: HubModel, path: string): string {
  return `${endpoint}/${model.name}/resolve/${model.commit}/${encodeURIComponent(path)}`
}

/** undefined for a file in a folder: a model needs none, and so no path can lead out of the model's folder. */
function readFile(value: unknown): HubFile | undefined {
  const file = object(value)
  const path = string(file?.rfilename)
  if (!file || !path || !/^[\w][\w.+-]*$/.test(path)) return undefined
  const lfs = object(file.lfs)
  const size = positive(lfs?.size) ?? positive(file.size) ?? 0
  if (!Number.isSafeInteger(size))
    throw new TetherError('download_failed', `the hub says that ${path} has ${size} bytes. Check HF_ENDPOINT.`)
  const sha256 = string(lfs?.sha256) ?? string(lfs?.oid)
  const blob = string(file.blobId)
  if (sha256) return { path, size, hash: { kind: 'sha256', hex: sha256 } }
  return blob ? { path, size, hash: { kind: 'git-sha1', hex: blob } } : undefined
}
