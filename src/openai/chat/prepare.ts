/** The body of POST /v1/chat/completions to a prepared turn. */
import { type PrepareOptions, prepareTurn } from '../../turn/prepare-turn.js'
import { parseJson, type ReadOptions } from '../../turn/request-fields.js'
import type { PreparedTurn, Prompter } from '../../turn/types.js'
import { parseChat } from './parse.js'

/** Throws `invalid_request`. */
export function prepareBody(
  prompter: Prompter,
  body: Uint8Array,
  options?: PrepareOptions & ReadOptions,
): PreparedTurn {
  return prepareTurn(prompter, parseChat(parseJson(body), options), options)
}

/** Throws the `invalid_request` that `prepareBody` throws, without preparing anything. */
export function checkBody(body: Uint8Array, options?: ReadOptions): void {
  parseChat(parseJson(body), options)
}
