/** Raw generation from text or tokens to text, without any chat around it. */
import type { Piece, Tokenizer } from '../chat/types.js'
import type { Engine, GenerateRequest } from '../engine/types.js'
import { TetherError } from '../errors.js'
import type { Sampling } from '../options.js'
import { following } from '../turn/following.js'
import { encodeRaw } from '../turn/prepare-raw.js'
import { engineSampling } from '../turn/sampling.js'
import { stopSearch } from '../turn/stop-search.js'
import type { GeneratedText, GenerateOptions } from './types.js'

interface Parts {
  engine: Pick<Engine, 'info' | 'generate'>
  tokenizer: Pick<Tokenizer, 'encode' | 'prefix' | 'stream'>
  defaults: Sampling
  stopTokens: Int32Array
  adapterOf: (model: string | undefined) => number
}

/** Ends with exactly one item that has `finish`. Leaving the loop early cancels. */
export async function* generateText(
  parts: Parts,
  options: GenerateOptions,
): AsyncGenerator<GeneratedText, void, undefined> {
  const { engine, tokenizer, defaults } = parts
  const prompt = promptTokens(tokenizer, options)
  const request: GenerateRequest = {
    prompt,
    adapter: parts.adapterOf(options.model),
    maxTokens: options.maxTokens ?? Math.max(1, engine.info.window - prompt.length),
    ...engineSampling(options, defaults),
    stopTokens: options.ignoreStop ? new Int32Array(0) : parts.stopTokens,
  }
  const stops = (options.stop ?? []).filter((stop) => stop.length > 0)
  const { signal, abort, release } = following(options.signal)
  const decoder = tokenizer.stream()
  const search = stopSearch(stops)
  let stopSequence: string | undefined
  try {
    for await (const { tokens, finish } of engine.generate(request, signal)) {
      if (stopSequence !== undefined) {
        // Tokens that come after the stop sequence are not part of the answer.
        if (finish) yield { text: '', tokens: new Int32Array(0), finish: { ...finish, reason: 'stop', stopSequence } }
        continue
      }
      const found = search.push(written(finish ? [...decoder.push(tokens), ...decoder.end()] : decoder.push(tokens)))
      if (found.met !== undefined) {
        const { text, met } = found
        stopSequence = met
        abort()
        yield finish ? { text, tokens, finish: { ...finish, reason: 'stop', stopSequence } } : { text, tokens }
        continue
      }
      yield finish ? { text: found.text + search.rest(), tokens, finish } : { text: found.text, tokens }
    }
  } finally {
    release()
  }
}

function promptTokens(tokenizer: Parts['tokenizer'], { prompt, tokens }: GenerateOptions): Int32Array {
  if ((prompt === undefined) === (tokens === undefined)) {
    throw new TetherError('invalid_request', 'give either prompt or tokens')
  }
  if (tokens) return Int32Array.from(tokens)
  return encodeRaw(tokenizer, prompt as string)
}

function written(pieces: Piece[]): string {
  return pieces.map((piece) => (typeof piece === 'string' ? piece : piece.control)).join('')
}
