/** Anthropic's Messages API as the server speaks it. */
import { randomBytes } from 'node:crypto'
import type { Protocol } from '../turn/protocol.js'
import { requestIn } from '../turn/request-fields.js'
import { faultAnswer } from './errors.js'
import { foldText } from './fold.js'
import { stopReason, toEvents } from './from-turn.js'
import { checkBody, prepareBody } from './prepare.js'
import type { MessageEvent } from './types.js'

export const anthropic: Protocol<MessageEvent> = {
  name: 'anthropic',
  prepareBody,
  checkBody,
  requestIn,
  toEvents: (parts) => toEvents(parts, { id: newMessageId() }),
  foldText,
  stopReason,
  faultAnswer,
  encode,
  encodeFault: (fault, requestId) => encode(faultAnswer(fault, requestId).body),
  ping: encode({ type: 'ping' }),
}

export function newMessageId(): string {
  return `msg_${randomBytes(12).toString('hex')}`
}

/** Clients go by the `event:` line and ignore events without one. */
function encode(event: { type: string }): string {
  return `event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`
}
