/** Token ids to pieces, one by one: text, and control tokens by themselves. */
import type { Piece, TokenStream } from '../types.js'
import type { Decoder } from './decoder.js'

/** Skips ids without a token. */
export function makeStream(
  decoder: Decoder,
  tokenOf: (id: number) => string | undefined,
  controls: Map<number, string>,
): TokenStream {
  const decoding = decoder()
  return {
    push(tokens) {
      const pieces: Piece[] = []
      let out: string[] = []
      for (const id of tokens) {
        const control = controls.get(id)
        if (control === undefined) {
          const token = tokenOf(id)
          if (token !== undefined) decoding.push(token, out)
          continue
        }
        decoding.flush(out)
        pieces.push(out.join(''), { control })
        out = []
      }
      pieces.push(out.join(''))
      return pieces.filter((piece) => piece !== '')
    },
    end() {
      const out: string[] = []
      decoding.flush(out)
      const text = out.join('')
      return text === '' ? [] : [text]
    },
  }
}
