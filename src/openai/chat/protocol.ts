/** OpenAI's chat completions as the server speaks them. */
import type { Protocol } from '../../turn/protocol.js'
import { requestIn } from '../../turn/request-fields.js'
import { COMMENT, data, finishReason, newId, now } from '../common.js'
import { faultAnswer } from '../errors.js'
import { foldText } from './fold.js'
import { toEvents } from './from-turn.js'
import { checkBody, prepareBody } from './prepare.js'
import type { ChatEvent } from './types.js'

export const chat: Protocol<ChatEvent> = {
  name: 'chat',
  prepareBody,
  checkBody,
  requestIn,
  toEvents: (parts) => toEvents(parts, { id: newId('chatcmpl-'), created: now() }),
  foldText,
  stopReason: finishReason,
  faultAnswer,
  encode: (event) => (event === 'done' ? 'data: [DONE]\n\n' : data(event)),
  encodeFault: (fault) => data(faultAnswer(fault).body),
  ping: COMMENT,
}
