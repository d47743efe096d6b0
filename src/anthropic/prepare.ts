/**
 * A request of the Messages API to a prepared turn: from the bytes of a body to the token ids of its prompt and a small
 * record. All that goes in and comes out is plain data, so this can run on another thread, with a prompter of its own.
 */
import { countTurn, type PrepareOptions, prepareTurn } from '../turn/prepare-turn.js'
import { parseJson, type ReadOptions } from '../turn/request-fields.js'
import type { CountedTurn, PreparedTurn, Prompter, TurnRequest } from '../turn/types.js'
import { parseCountRequest, parseMessagesRequest } from './parse.js'
import { toTurn } from './to-turn.js'

/** The body of POST /v1/messages. Throws `invalid_request`. */
export function prepareBody(
  prompter: Prompter,
  body: Uint8Array,
  options?: PrepareOptions & ReadOptions,
): PreparedTurn {
  return prepareTurn(prompter, turnIn(body, options), options)
}

/** The same for a request that is an object already, and need not name a model. */
export function prepareMessage(prompter: Prompter, request: unknown, options?: PrepareOptions): PreparedTurn {
  return prepareTurn(prompter, toTurn(parseMessagesRequest(request)), options)
}

/** The body of POST /v1/messages/count_tokens. Throws `invalid_request`. */
export function countBody(prompter: Prompter, body: Uint8Array, options?: ReadOptions): CountedTurn {
  const turn = toTurn(parseCountRequest(parseJson(body), { ...options, modelRequired: true }))
  return { length: countTurn(prompter, turn), model: turn.model }
}

/** Of a request that is an object already: the length of the prompt in tokens. */
export function countMessage(prompter: Prompter, request: unknown): number {
  return countTurn(prompter, toTurn(parseCountRequest(request)))
}

/** Throws the `invalid_request` that `prepareBody` throws, without preparing anything. */
export function checkBody(body: Uint8Array, options?: ReadOptions): void {
  turnIn(body, options)
}

function turnIn(body: Uint8Array, { maxDepth }: ReadOptions = {}): TurnRequest {
  return toTurn(parseMessagesRequest(parseJson(body), { maxDepth, modelRequired: true }))
}
