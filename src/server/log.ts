/** One line about each request: what was asked, what it cost, how it ended. */
import type { MessageEvent, StopReason } from '../anthropic/types.js'
import type { Dropped } from '../model/prompt.js'

export interface LogLine {
  method: string
  path: string
  /** 499 if the client left before there was any. */
  status: number
  /** From the request's arrival to the last byte. */
  ms: number
  model?: string
  inputTokens?: number
  /** The oldest turns, left out because the prompt did not fit the window. */
  dropped?: Dropped
  cachedTokens?: number
  outputTokens?: number
  /** From the request's arrival to the first block of the answer. */
  ttftMs?: number
  stopReason?: StopReason
  /** Tool calls whose input does not fit their tool's schema, such as `Bash: input.command: Field required`. */
  misfits?: string[]
  error?: string
}

/** Passes events on and notes in `line` what they say. `started`: a time of performance.now(). */
export async function* note(
  events: AsyncIterable<MessageEvent>,
  line: LogLine,
  started: number,
): AsyncGenerator<MessageEvent, void, undefined> {
  try {
    for await (const event of events) {
      if (event.type === 'message_start') {
        line.model = event.message.model
        line.inputTokens = event.message.usage.input_tokens
      } else if (event.type === 'content_block_start') {
        line.ttftMs ??= Math.round(performance.now() - started)
      } else if (event.type === 'message_delta') {
        line.inputTokens = event.usage.input_tokens + event.usage.cache_read_input_tokens
        line.cachedTokens = event.usage.cache_read_input_tokens
        line.outputTokens = event.usage.output_tokens
        line.stopReason = event.delta.stop_reason
      }
      yield event
    }
  } catch (error) {
    line.error = error instanceof Error ? error.message : String(error)
    throw error
  }
}
