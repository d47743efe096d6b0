/** OpenAI's responses as the server speaks them. */
import { TetherError } from '../../errors.js'
import type { Protocol } from '../../turn/protocol.js'
import { requestIn } from '../../turn/request-fields.js'
import type { TurnFinish } from '../../turn/types.js'
import { COMMENT, newId, now } from '../common.js'
import { faultAnswer } from '../errors.js'
import { toEvents } from './from-turn.js'
import { checkBody, earlierIn, prepareBody } from './prepare.js'
import type { ResponseStore } from './store.js'
import type { ResponseEvent } from './types.js'

/** `store`: the responses that may be continued. */
export function createResponses(store: ResponseStore): Protocol<ResponseEvent> {
  return {
    name: 'responses',
    beside: (part) => earlierIn(part, store),
    prepareBody: (prompter, body, options) => prepareBody(prompter, body, options, store),
    checkBody: (body, options) => checkBody(body, options, store),
    requestIn,
    toEvents: (parts) => toEvents(parts, { id: newId('resp_'), now, store }),
    foldText,
    stopReason,
    faultAnswer,
    encode,
    encodeFault(fault, _, sent) {
      const { error } = faultAnswer(fault).body
      const { code, message, param } = error
      // Some clients read the event's own fields, others look for an error as in a body.
      const event = { type: 'error', sequence_number: sent, code, message, param, error }
      return encode(event)
    },
    ping: COMMENT,
  }
}

/** Events to the one response in the last of them, for clients that do not stream. */
export async function foldText(events: AsyncIterable<ResponseEvent>): Promise<string> {
  for await (const event of events) {
    if (event.type === 'response.completed' || event.type === 'response.incomplete')
      return JSON.stringify(event.response)
  }
  throw new TetherError('internal', 'the answer broke off')
}

function stopReason({ reason }: TurnFinish): string {
  return reason === 'length' ? 'incomplete' : 'completed'
}

function encode(event: { type: string }): string {
  return `event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`
}
