/** Counts what an answer costs, once for everything that reports it: the log line and /status. */
import type { EngineStats } from '../engine/types.js'
import type { TurnFinish, TurnPart } from '../turn/types.js'
import type { LogLine } from './log.js'
import type { LastAnswer } from './status.js'

export interface TurnTap {
  /** Filled with what the answer shows. */
  line: LogLine
  /** When the request came in, by performance.now(). */
  started: number
  stats: () => EngineStats
  /** The protocol's own word for how the answer ended. */
  stopReason: (finish: TurnFinish) => string
  /** Called with the counts of an answer that has ended. */
  onAnswer: (answer: LastAnswer) => void
}

/** Passes parts on and counts. */
export async function* tapTurn(
  parts: AsyncIterable<TurnPart>,
  { line, started, stats, stopReason, onAnswer }: TurnTap,
): AsyncGenerator<TurnPart, void, undefined> {
  const before = stats()
  let inputTokens = 0
  try {
    for await (const part of parts) {
      if (part.type === 'start') {
        inputTokens = part.promptTokens
        Object.assign(line, { model: part.model, inputTokens, dropped: part.dropped, ignoredTools: part.ignoredTools })
      } else {
        line.ttftMs ??= Math.round(performance.now() - started)
      }
      if (part.type === 'finish') {
        const { cachedTokens, outputTokens } = part
        Object.assign(line, { cachedTokens, outputTokens, stopReason: stopReason(part) })
        onAnswer({ inputTokens, cachedTokens, outputTokens, tokensPerSecond: decodeRate(before, stats()) })
      }
      yield part
    }
  } catch (error) {
    line.error = error instanceof Error ? error.message : String(error)
    throw error
  }
}

/** By the engine's own clock: the time between two parts may be that of a slow reader. */
function decodeRate(before: EngineStats, after: EngineStats): number | null {
  const seconds = after.decodeSeconds - before.decodeSeconds
  const tokens = after.outputTokens - before.outputTokens
  return seconds > 0 && tokens > 1 ? tokens / seconds : null
}
