/** POST /v1/messages/count_tokens: how long a request's prompt is, without an answer. */
import type { Request, Response } from 'undici'
import { requireModel } from '../anthropic/parse.js'
import type { Model } from '../model/types.js'
import { json, readJson } from './body.js'

export async function countTokens(request: Request, model: Model): Promise<Response> {
  const ask = await readJson(request)
  requireModel(ask)
  return json({ input_tokens: model.countTokens(ask) })
}
