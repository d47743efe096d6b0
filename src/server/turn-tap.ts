/** Counts what an answer costs, once for everything that reports it: the log line and /status. */
import { messageOf } from '../errors.js'
import type { TurnFinish, TurnPart } from '../turn/types.js'
import type { LogLine } from './log.js'
import { constrainedShare, type LastAnswer } from './status.js'

export interface TurnTap {
  /** Filled with what the answer shows. */
  line: LogLine
  /** When the request came in, by performance.now(). */
  started: number
  /** The protocol's own word for how the answer ended. */
  stopReason: (finish: TurnFinish) => string
  /** Called with the counts of an answer that has ended. */
  onAnswer: (answer: LastAnswer) => void
  /** Called when the turn is over. `answered`: it came to its finish. */
  onEnd: (answered: boolean) => void
}

/** Passes parts on and counts. */
export async function* tapTurn(
  parts: AsyncIterable<TurnPart>,
  { line, started, stopReason, onAnswer, onEnd }: TurnTap,
): AsyncGenerator<TurnPart, void, undefined> {
  let inputTokens = 0
  let answered = false
  try {
    for await (const part of parts) {
      if (part.type === 'start') {
        inputTokens = part.promptTokens
        const { model, adapter, dropped, ignoredTools } = part
        Object.assign(line, { model, adapter, inputTokens, dropped, ignoredTools })
      } else {
        line.ttftMs ??= Math.round(performance.now() - started)
      }
      if (part.type === 'finish') {
        const { cachedTokens, createdTokens, outputTokens, tokensPerSecond, queueSeconds } = part
        const counts = { cachedTokens, createdTokens, outputTokens }
        Object.assign(line, { ...counts, waitMs: Math.round(1000 * queueSeconds), stopReason: stopReason(part) })
        if (part.isLoop) line.isLoop = true
        const held = part.constrained
        const constrained = held ? constrainedShare(held.tokens, held.removed) : null
        onAnswer({ inputTokens, ...counts, tokensPerSecond, constrained })
        answered = true
      }
      yield part
    }
  } catch (error) {
    line.error = messageOf(error)
    throw error
  } finally {
    onEnd(answered)
  }
}
