/** One log line for each request: what was asked, what it cost, how it ended. */
import type { Dropped } from '../turn/drop-oldest.js'

export interface LogLine {
  method: string
  path: string
  /** 499 if the client left before there was any. */
  status: number
  /** From the request's arrival to the last byte. */
  ms: number
  /** What the client calls itself: any text. */
  client?: string
  /** Of Claude Code. */
  session?: string
  /** The name of the client's key. */
  key?: string
  /** The model's name, as the client was told. */
  model?: string
  /** The name of the model that answers, where the server has several. */
  answeredBy?: string
  /** The LoRA adapter that answered. */
  adapter?: string
  /** The whole prompt. */
  inputTokens?: number
  /** The oldest messages, dropped because the prompt did not fit the window. */
  dropped?: Dropped
  /** Tools that cannot run here, and of which the model was not told. */
  ignoredTools?: string[]
  /** Of the prompt: what was reused, and what else is kept for later. */
  cachedTokens?: number
  createdTokens?: number
  outputTokens?: number
  /** For the engine, while others had its memory. */
  waitMs?: number
  /** From the request's arrival to the first part of the answer. */
  ttftMs?: number
  /** As the client was told. */
  stopReason?: string
  /** The answer was ended because it repeated itself. */
  isLoop?: true
  /** Tool calls whose input does not fit their tool's schema, such as `Bash: input.command: Field required`. */
  invalidToolInputs?: string[]
  /** What an answer is not held to while it is written: parts of tools' schemas, or why it was free; each said once. */
  unheld?: string[]
  error?: string
}

/** Calls a caller's function: its fault is a warning, and never ends a request or the process. */
export function tell(call: () => void): void {
  try {
    call()
  } catch (error) {
    process.emitWarning(error instanceof Error ? error : String(error))
  }
}
