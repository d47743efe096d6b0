/** What a checkpoint without tokenizer.json says about its tokenizer elsewhere: added tokens, and the token in front. */

import { join } from 'node:path'
import { MOST_OF_JSON, readRegularFile } from '../../read-file.js'
import type { AddedTokenEntry, Step, TokenizerFile } from './file.js'

export interface Configured {
  added: AddedTokenEntry[]
  /** The token in front of a text, if the checkpoint names one; false: none. */
  bos: string | false | undefined
}

type Json = Record<string, unknown>

/** Of tokenizer_config.json and added_tokens.json; files that are missing or broken say nothing. */
export async function readConfigured(dir: string): Promise<Configured> {
  const config = await readObject(join(dir, 'tokenizer_config.json'))
  const decoder = Object.entries((config.added_tokens_decoder ?? {}) as Json)
  const listed = decoder.length > 0 ? [] : Object.entries(await readObject(join(dir, 'added_tokens.json')))
  const added = [
    ...decoder.map(([id, token]) => ({ ...(token as AddedTokenEntry), id: Number(id) })),
    ...listed.map(([content, id]) => ({ id: Number(id), content, special: true })),
  ]
  const bos = config.bos_token
  const name = typeof bos === 'string' ? bos : (bos as { content?: unknown } | null | undefined)?.content
  return {
    added: added.filter(
      ({ id, content }) => Number.isInteger(id) && id >= 0 && id < MOST_IDS && typeof content === 'string',
    ),
    bos: config.add_bos_token === false ? false : typeof name === 'string' ? name : undefined,
  }
}

async function readObject(path: string): Promise<Json> {
  try {
    const json: unknown = JSON.parse(
      (await readRegularFile(path, MOST_OF_JSON)).toString('utf8').replace(/^\ufeff/, ''),
    )
    return typeof json === 'object' && json !== null ? (json as Json) : {}
  } catch {
    return {}
  }
}

/** No vocabulary is larger. */
const MOST_IDS = 4_000_000

const USUAL_BOS = ['<s>', '<bos>', '<|begin_of_text|>']

/** The added tokens of both, with what the checkpoint says of them, and the token in front of a text. */
export function addConfigured(file: TokenizerFile, { added, bos }: Configured): TokenizerFile {
  const tokens = new Map((file.added_tokens ?? []).map((token) => [token.id, token]))
  for (const token of added) if (!tokens.get(token.id)?.verbatim) tokens.set(token.id, token)
  const all = [...tokens.values()]
  const named = typeof bos === 'string' ? [bos] : USUAL_BOS
  const front = bos === false ? undefined : all.find(({ content }) => named.includes(content))
  return { ...file, added_tokens: all, post_processor: front ? putInFront(front) : null }
}

function putInFront({ id, content }: AddedTokenEntry): Step {
  return {
    type: 'TemplateProcessing',
    single: [{ SpecialToken: { id: content } }, { Sequence: { id: 'A' } }],
    special_tokens: { [content]: { ids: [id] } },
  }
}
