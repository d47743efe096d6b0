/** POST /v1/messages/count_tokens: the length of a request's prompt, without an answer. */
import { countBody } from '../anthropic/prepare.js'
import type { LoadedModel } from '../model/types.js'
import { prompterOf } from '../turn/answer-turn.js'
import { json, readBody } from './body.js'

export async function countTokens(request: Request, model: LoadedModel): Promise<Response> {
  return json({ input_tokens: countBody(prompterOf(model.turns), await readBody(request)) })
}
