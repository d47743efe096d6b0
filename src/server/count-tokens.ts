/** POST /v1/messages/count_tokens: the length of a request's prompt, without an answer. */
import { prompterOf } from '../turn/answer-turn.js'
import { type BodyReader, json } from './body.js'
import type { ModelHouse } from './house-types.js'
import { readingOn } from './reading.js'
import { scanMembers } from './scan-members.js'

export interface CountContext {
  bodies: BodyReader
  /** Levels that the JSON of a body may have. */
  maxDepth: number
}

export async function countTokens(
  request: Request,
  house: ModelHouse,
  { bodies, maxDepth }: CountContext,
): Promise<Response> {
  const body = await bodies.read(request)
  let giveBack = () => {}
  try {
    const { model: named } = house.isOne ? {} : await scanMembers(body.list(), ['model'])
    const lease = await house.use(typeof named === 'string' ? named : undefined, request.signal)
    giveBack = lease.giveBack
    const reading = readingOn(lease.preparing, request.signal)
    return json({ input_tokens: await reading.count(prompterOf(lease.model.turns), body, { maxDepth }) })
  } finally {
    giveBack()
    body.release()
  }
}
