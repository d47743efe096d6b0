/** A tokenizer with a token for each character and a few control tokens. */
import type { Piece, Tokenizer, TokenStream } from '../../src/chat/types.js'

export const CONTROLS = ['<turn>', '<end>', '<think>', '</think>', '<call>', '</call>']
const FIRST_CONTROL = 0x110000

export function controlId(token: string): number {
  return FIRST_CONTROL + CONTROLS.indexOf(token)
}

export function fakeTokenizer(): Tokenizer {
  const control = (id: number) => CONTROLS[id - FIRST_CONTROL]
  const toText = (id: number) => control(id) ?? String.fromCodePoint(id)
  const encode = (text: string) => Int32Array.from(text, (char) => char.codePointAt(0) as number)
  return {
    vocabSize: FIRST_CONTROL + CONTROLS.length,
    isQuick: true,
    encode,
    encodePrompt: (prompt) =>
      Int32Array.from(
        prompt.flatMap((piece) => {
          if (typeof piece === 'string') return [...encode(piece)]
          return 'tokens' in piece ? [...piece.tokens] : [controlId(piece.control)]
        }),
      ),
    decode: (tokens) => Array.from(tokens, toText).join(''),
    id: (token) => (CONTROLS.includes(token) ? controlId(token) : undefined),
    bytes: (id) => (control(id) === undefined ? new TextEncoder().encode(toText(id)) : undefined),
    controls: CONTROLS,
    control,
    prefix: new Int32Array(0),
    stream: (): TokenStream => ({
      push: (tokens) => {
        const pieces: Piece[] = []
        for (const id of tokens) {
          const name = control(id)
          const last = pieces.at(-1)
          if (name) pieces.push({ control: name })
          else if (typeof last === 'string') pieces[pieces.length - 1] = last + toText(id)
          else pieces.push(toText(id))
        }
        return pieces
      },
      end: () => [],
    }),
  }
}
