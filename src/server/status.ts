/** GET /status: what the model is doing now and how its last answer went, for status lines and monitors. */
import type { Response } from 'undici'
import type { MessageEvent } from '../anthropic/types.js'
import type { EngineStats } from '../engine/types.js'
import type { Model } from '../model/types.js'
import { json } from './body.js'

/** Counts in tokens. */
export interface Status {
  model: string
  window: number
  live: number
  queued: number
  /** Of the prompt that is being read; null if none is. */
  prefill: { done: number; total: number } | null
  /** The answer that ended last; null if there was none. */
  last: LastAnswer | null
}

export interface LastAnswer {
  /** The whole prompt, and how much of it was taken from earlier work. */
  inputTokens: number
  cachedTokens: number
  outputTokens: number
  /** While it was generated, prompt not counted; null if that was too short to tell. */
  tokensPerSecond: number | null
}

export interface AnswerRecord {
  /** Passes events on and notes how the answer went. */
  watch(events: AsyncIterable<MessageEvent>, stats: () => EngineStats): AsyncGenerator<MessageEvent, void, undefined>
  last(): LastAnswer | null
}

export function recordAnswers(): AnswerRecord {
  let last: LastAnswer | null = null
  return {
    async *watch(events, stats) {
      const before = stats()
      for await (const event of events) {
        if (event.type === 'message_delta') {
          const { input_tokens, cache_read_input_tokens: cachedTokens, output_tokens: outputTokens } = event.usage
          const inputTokens = input_tokens + cachedTokens
          last = { inputTokens, cachedTokens, outputTokens, tokensPerSecond: speed(before, stats()) }
        }
        yield event
      }
    },
    last: () => last,
  }
}

export function status(model: Model, answers: AnswerRecord): Response {
  const { name, window } = model.info
  const { live, queued, prefill } = model.stats()
  const reading = prefill.total > 0 ? prefill : null
  return json({ model: name, window, live, queued, prefill: reading, last: answers.last() } satisfies Status)
}

/** By the engine's own clock: the time between two events may be that of a slow reader. */
function speed(before: EngineStats, after: EngineStats): number | null {
  const seconds = after.decodeSeconds - before.decodeSeconds
  const tokens = after.outputTokens - before.outputTokens
  return seconds > 0 && tokens > 1 ? tokens / seconds : null
}
