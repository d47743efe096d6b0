/** What the routes whose streams are chunks have in common: chats and raw prompts. */
import type { Protocol } from '../turn/protocol.js'
import { requestIn } from '../turn/request-fields.js'
import { COMMENT, data, finishReason } from './common.js'
import { faultAnswer } from './errors.js'

type Shared = 'requestIn' | 'stopReason' | 'faultAnswer' | 'encode' | 'encodeFault' | 'ping'

/** `done`: the end of a stream, which is no JSON. */
export const chunks: Pick<Protocol<object | 'done'>, Shared> = {
  requestIn,
  stopReason: finishReason,
  faultAnswer,
  encode: (event) => (event === 'done' ? 'data: [DONE]\n\n' : data(event)),
  encodeFault: (fault) => data(faultAnswer(fault).body),
  ping: COMMENT,
}
