/** The hub that models are pulled from: its address and the user's token. */
import { readFileSync } from 'node:fs'
import { TetherError } from '../../errors.js'
import { hubTokenFile } from '../hub-paths.js'

/** The only host that tether contacts, and only for a pull. */
export const publicHub = 'https://huggingface.co'

export interface Hub {
  /** Without a trailing slash. */
  endpoint: string
  token?: string
}

/**
 * From HF_ENDPOINT and HF_TOKEN, else from the token file of the hub's own command line.
 * Throws `download_failed` if HF_HUB_OFFLINE is set.
 */
export function readHub(env: Record<string, string | undefined> = process.env): Hub {
  if (isOffline(env)) {
    throw new TetherError('download_failed', 'HF_HUB_OFFLINE is set. Unset it to download a model.')
  }
  const endpoint = (env.HF_ENDPOINT || publicHub).replace(/\/+$/, '')
  if (!URL.canParse(endpoint) || !/^https?:$/.test(new URL(endpoint).protocol)) {
    throw new TetherError('download_failed', `HF_ENDPOINT must be an http or https address, not ${endpoint}`)
  }
  return { endpoint, token: env.HF_TOKEN?.trim() || env.HUGGING_FACE_HUB_TOKEN?.trim() || tokenOf(hubTokenFile(env)) }
}

/** Whether the user wants nothing from the hub: HF_HUB_OFFLINE. */
export function isOffline(env: Record<string, string | undefined> = process.env): boolean {
  return /^(1|on|yes|true)$/i.test(env.HF_HUB_OFFLINE ?? '')
}

function tokenOf(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8').trim() || undefined
  } catch {
    // The user has not signed in on this machine.
    return undefined
  }
}
