/** A completion's request to a prepared turn. */
import { encodeRaw, prepareRaw, withPrefix } from '../../turn/prepare-raw.js'
import type { PrepareOptions } from '../../turn/prepare-turn.js'
import { fail, parseJson, type ReadOptions } from '../../turn/request-fields.js'
import type { PreparedTurn, Prompter } from '../../turn/types.js'
import { fillIn } from './fill-in.js'
import { parseCompletion } from './parse.js'

/** A prompt is never cut: what is too long is an error. Throws `invalid_request`. */
export function prepareBody(
  { tokenizer }: Prompter,
  body: Uint8Array,
  { keepPieces, maxDepth }: PrepareOptions & ReadOptions = {},
): PreparedTurn {
  const { prompt, suffix, usage, ...request } = parseCompletion(parseJson(body), { maxDepth })
  const asked = { ...request, echo: { usage } }
  if (suffix !== undefined) {
    if (typeof prompt !== 'string') fail('suffix', 'Input should be null where the prompt is token ids')
    const gap = fillIn(tokenizer, prompt, suffix)
    if (!gap) fail('suffix', 'Input should be null: this model has no tokens for filling a gap')
    const { pieces, endTokens } = gap
    const tokens = withPrefix(tokenizer, tokenizer.encodePrompt(pieces))
    return prepareRaw(tokens, { ...asked, endTokens }, { pieces, keepPieces })
  }
  if (typeof prompt === 'string') {
    const tokens = encodeRaw(tokenizer, prompt)
    if (tokens.length === 0) fail('prompt', 'String should have at least 1 character')
    return prepareRaw(tokens, asked, { pieces: [prompt], keepPieces })
  }
  const wrong = prompt.findIndex((token) => token < 0 || token >= tokenizer.vocabSize)
  if (wrong >= 0) fail(`prompt[${wrong}]`, `Input should be a token id below ${tokenizer.vocabSize}`)
  const tokens = Int32Array.from(prompt)
  return prepareRaw(tokens, asked, { pieces: [{ tokens }], keepPieces })
}

/** Throws the `invalid_request` that a wrong field is, without preparing anything. */
export function checkBody(body: Uint8Array, options?: ReadOptions): void {
  parseCompletion(parseJson(body), options)
}
