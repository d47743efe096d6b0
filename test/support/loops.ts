/** What the loop guard makes of texts in a vocabulary's tokens. */
import { loadBinding } from '../../src/binding.js'
import type { Tokenizer } from '../../src/chat/types.js'
import { askedRepetition } from '../../src/turn/asked-repetition.js'
import { ASKED, LOOPS, ORDINARY } from './repetition-requests.mjs'

type Encoder = Pick<Tokenizer, 'encode'>

/** Tokens after which a loop is noticed at the latest; where up to four different tokens repeat. */
const NOTICED = 1300
const NOTICED_OF_FEW = 3400

/** The texts that are taken for loops, in an answer or in a call. */
export function loopsAmong(tokenizer: Encoder, texts: Record<string, string>): object[] {
  return Object.entries(texts).flatMap(([name, text]) => taken(tokenizer, name, text))
}

/** The same, of texts that a request asks for. */
export function loopsAmongAsked(tokenizer: Encoder): object[] {
  return ASKED.flatMap(([request, text]) => taken(tokenizer, request, text, request))
}

/** The ordinary requests under which this loop is not noticed in time. */
export function ordinaryEnds(tokenizer: Encoder, name: string): object[] {
  const { loopAt } = loadBinding()
  const unit = LOOPS[name] as string
  const tokens = tokenizer.encode(unit.repeat(Math.ceil(120_000 / unit.length)), { special: false }).subarray(0, 6000)
  const most = new Set(tokens.subarray(-200)).size > 4 ? NOTICED : NOTICED_OF_FEW
  return ['go on', ...ORDINARY]
    .map((request) => ({ request, at: loopAt(tokens, false, askedRepetition(request)) }))
    .filter(({ at }) => at < 0 || at > most)
}

function taken(tokenizer: Encoder, name: string, text: string, request = ''): object[] {
  const { loopAt } = loadBinding()
  const tokens = tokenizer.encode(text, { special: false })
  return [false, true]
    .map((inCall) => ({ name, inCall, tokens: tokens.length, at: loopAt(tokens, inCall, askedRepetition(request)) }))
    .filter(({ at }) => at >= 0)
}
