/** A chat to the tokens that ask for its answer, made to fit the window if the caller wants that. */
import type { Chat, ChatFamily, Piece, PromptPiece, Tokenizer } from '../chat/types.js'
import { type Dropped, dropOldest } from './drop-oldest.js'
import type { Overflow } from './types.js'

export interface Prompt {
  pieces: PromptPiece[]
  tokens: Int32Array
  dropped?: Dropped
}

interface PromptOptions {
  family: Pick<ChatFamily, 'render'>
  tokenizer: Pick<Tokenizer, 'encodePrompt'>
  window: number
  /** The beginning of the answer, which follows the chat. */
  begun: Piece[]
  onOverflow: Overflow
}

/** The prompt may be longer than the window if nothing can be dropped, or nothing is to be. */
export function makePrompt(chat: Chat, { family, tokenizer, window, begun, onOverflow }: PromptOptions): Prompt {
  const render = (some: Chat) => [...family.render(some), ...begun]
  const pieces = render(chat)
  if (onOverflow === 'error') return { pieces, tokens: tokenizer.encodePrompt(pieces) }
  const encoder = textEncoder(tokenizer)
  const tokens = encoder.encode(pieces)
  if (tokens.length < window) return { pieces, tokens }
  const kept = dropOldest(chat, window, (some) => encoder.length(render(some)))
  if (!kept) return { pieces, tokens }
  const left = render(kept)
  const rest = encoder.encode(left)
  const messages = chat.messages.length - kept.messages.length
  return { pieces: left, tokens: rest, dropped: { messages, tokens: tokens.length - rest.length } }
}

/** Before a text that does not begin its prompt, which some tokenizers encode in another way. */
const SOMETHING: PromptPiece = { tokens: new Int32Array(0) }

/**
 * Encodes many prompts made of the same texts, each text once. No token reaches across a control token, so the tokens of
 * a prompt are those of its texts.
 */
function textEncoder(tokenizer: Pick<Tokenizer, 'encodePrompt'>) {
  const beginnings = new Map<string, Int32Array>()
  const texts = new Map<string, Int32Array>()
  const controls = new Map<string, Int32Array>()
  const known = (map: Map<string, Int32Array>, key: string, pieces: PromptPiece[]) => {
    const tokens = map.get(key) ?? tokenizer.encodePrompt(pieces)
    map.set(key, tokens)
    return tokens
  }
  const split = (pieces: PromptPiece[]): Int32Array[] => {
    const all: Int32Array[] = []
    let run = ''
    for (const piece of [...pieces, undefined]) {
      if (typeof piece === 'string') {
        run += piece
        continue
      }
      if (run !== '') all.push(all.length === 0 ? known(beginnings, run, [run]) : known(texts, run, [SOMETHING, run]))
      run = ''
      if (piece) all.push('tokens' in piece ? piece.tokens : known(controls, piece.control, [piece]))
    }
    return all
  }
  const lengthOf = (all: Int32Array[]) => all.reduce((total, tokens) => total + tokens.length, 0)
  return {
    length: (pieces: PromptPiece[]) => lengthOf(split(pieces)),
    encode: (pieces: PromptPiece[]) => {
      const all = split(pieces)
      const joined = new Int32Array(lengthOf(all))
      let at = 0
      for (const tokens of all) {
        joined.set(tokens, at)
        at += tokens.length
      }
      return joined
    },
  }
}
