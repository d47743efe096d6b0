/** POST /v1/messages/count_tokens: the length of a request's prompt, without an answer. */
import type { LoadedModel } from '../model/types.js'
import { prompterOf } from '../turn/answer-turn.js'
import { type BodyReader, json } from './body.js'
import type { Preparing } from './preparing.js'
import { readingOn } from './reading.js'

export interface CountContext {
  bodies: BodyReader
  /** Levels that the JSON of a body may have. */
  maxDepth: number
  preparing?: Preparing
}

export async function countTokens(
  request: Request,
  model: LoadedModel,
  { bodies, maxDepth, preparing }: CountContext,
): Promise<Response> {
  const body = await bodies.read(request)
  try {
    const reading = readingOn(preparing, request.signal)
    return json({ input_tokens: await reading.count(prompterOf(model.turns), body, { maxDepth }) })
  } finally {
    body.release()
  }
}
