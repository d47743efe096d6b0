/** POST /v1/messages/count_tokens: the length of a request's prompt, without an answer. */
import { countBody } from '../anthropic/prepare.js'
import type { LoadedModel } from '../model/types.js'
import { prompterOf } from '../turn/answer-turn.js'
import { type BodyReader, json } from './body.js'

export interface CountContext {
  bodies: BodyReader
  /** Levels that the JSON of a body may have. */
  maxDepth: number
}

export async function countTokens(
  request: Request,
  model: LoadedModel,
  { bodies, maxDepth }: CountContext,
): Promise<Response> {
  const body = await bodies.read(request)
  try {
    return json({ input_tokens: countBody(prompterOf(model.turns), body.bytes, { maxDepth }) })
  } finally {
    body.release()
  }
}
