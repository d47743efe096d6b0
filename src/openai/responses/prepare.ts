/** The body of POST /v1/responses to a prepared turn. What it continues comes from the store, or beside the body. */
import { type PrepareOptions, prepareTurn } from '../../turn/prepare-turn.js'
import type { Beside } from '../../turn/protocol.js'
import { parseJson, type ReadOptions } from '../../turn/request-fields.js'
import type { PreparedTurn, Prompter } from '../../turn/types.js'
import { parseResponse } from './parse.js'
import type { ResponseStore } from './store.js'

type Options = PrepareOptions & ReadOptions & { beside?: Beside }

/** Throws `invalid_request`. `options.beside`: what earlierIn found, where there is no store. */
export function prepareBody(
  prompter: Prompter,
  body: Uint8Array,
  options: Options = {},
  store: Pick<ResponseStore, 'find'> = storeOf(options.beside),
): PreparedTurn {
  const { turn, onOverflow = options.onOverflow } = parseResponse(parseJson(body), store, options)
  return prepareTurn(prompter, turn, { ...options, onOverflow })
}

/** Throws the `invalid_request` that `prepareBody` throws, without preparing anything. */
export function checkBody(
  body: Uint8Array,
  options: Options = {},
  store: Pick<ResponseStore, 'find'> = storeOf(options.beside),
): void {
  parseResponse(parseJson(body), store, options)
}

const FIELD = '"previous_response_id"'
/** The field may also stand in what a client says of itself, but not often. */
const MOST_FOUND = 20

/** The responses that a part of a body may continue, found without reading all of it. */
export function earlierIn(part: Uint8Array, store: Pick<ResponseStore, 'find'>): Beside {
  const bytes = Buffer.from(part.buffer, part.byteOffset, part.byteLength)
  const earlier: Beside = Object.create(null)
  let at = bytes.indexOf(FIELD)
  for (let found = 0; at >= 0 && found < MOST_FOUND; found += 1) {
    const from = at + FIELD.length
    const id = /^\s*:\s*"([^"\\]+)"/.exec(bytes.toString('latin1', from, from + 200))?.[1]
    const said = id === undefined ? undefined : store.find(id)
    if (id !== undefined && said) earlier[id] = said
    at = bytes.indexOf(FIELD, from)
  }
  return earlier
}

function storeOf(beside: Beside = {}): Pick<ResponseStore, 'find'> {
  const earlier = new Map(Object.entries(beside))
  return { find: (id) => earlier.get(id) }
}
