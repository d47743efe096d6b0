/** OpenAI's chat completions as the server speaks them. */
import type { Protocol } from '../../turn/protocol.js'
import { chunks } from '../chunks.js'
import { newId, now } from '../common.js'
import { foldText } from './fold.js'
import { toEvents } from './from-turn.js'
import { checkBody, prepareBody } from './prepare.js'
import type { ChatEvent } from './types.js'

export const chat: Protocol<ChatEvent> = {
  ...chunks,
  name: 'chat',
  prepareBody,
  checkBody,
  toEvents: (parts) => toEvents(parts, { id: newId('chatcmpl-'), created: now() }),
  foldText,
}
