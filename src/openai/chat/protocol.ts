/** OpenAI's chat completions as the server speaks them. */
import { prepareTurn } from '../../turn/prepare-turn.js'
import type { Protocol } from '../../turn/protocol.js'
import { parseJson, requestIn } from '../../turn/request-fields.js'
import { COMMENT, data, finishReason, newId, now } from '../common.js'
import { faultAnswer } from '../errors.js'
import { foldText } from './fold.js'
import { toEvents } from './from-turn.js'
import { parseChat } from './parse.js'
import type { ChatEvent } from './types.js'

export const chat: Protocol<ChatEvent> = {
  prepareBody: (prompter, body, options) => prepareTurn(prompter, parseChat(parseJson(body)), options),
  checkBody: (body) => void parseChat(parseJson(body)),
  requestIn,
  toEvents: (parts) => toEvents(parts, { id: newId('chatcmpl-'), created: now() }),
  foldText,
  stopReason: finishReason,
  faultAnswer,
  encode: (event) => (event === 'done' ? 'data: [DONE]\n\n' : data(event)),
  encodeFault: (fault) => data(faultAnswer(fault).body),
  ping: COMMENT,
}
