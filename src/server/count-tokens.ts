/** POST /v1/messages/count_tokens: the length of a request's prompt, without an answer. */
import { countBody } from '../anthropic/prepare.js'
import type { LoadedModel } from '../model/types.js'
import { prompterOf } from '../turn/answer-turn.js'
import { type BodyReader, json } from './body.js'
import type { Preparing } from './preparing.js'

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
    const { bytes } = body
    const options = { maxDepth }
    const tokens = preparing?.isFor(bytes)
      ? await preparing.run({ protocol: 'anthropic', kind: 'count', body: bytes, options }, request.signal)
      : countBody(prompterOf(model.turns), bytes, options)
    return json({ input_tokens: tokens })
  } finally {
    body.release()
  }
}
