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
    // Which model counts has to be known before the body is read.
    const { model } = house.isOne ? {} : await scanMembers(body.list(), ['model'])
    const named = typeof model === 'string' ? model : undefined
    const lease = await house.use(named, request.signal)
    giveBack = lease.giveBack
    const { turns } = lease.model
    const reading = readingOn(lease.preparing, request.signal)
    const counted = await reading.count(prompterOf(turns), body, { maxDepth })
    // An adapter that is not there is refused here too; which one it is does not change the count.
    turns.adapters?.numberOf(counted.model)
    return json({ input_tokens: counted.length })
  } finally {
    giveBack()
    body.release()
  }
}
