/** What the requests and answers of all of OpenAI's routes have in common. */
import { randomBytes } from 'node:crypto'
import { type Fields, fail, isFields, readFlag, readText } from '../turn/request-fields.js'
import { checkStopSequences } from '../turn/stop-search.js'
import type { TurnFinish } from '../turn/types.js'

/** Such as `chatcmpl-…` and `resp_…`. */
export function newId(prefix: string): string {
  return prefix + randomBytes(12).toString('hex')
}

/** Now, in seconds, as OpenAI's answers say it. */
export function now(): number {
  return Math.floor(Date.now() / 1000)
}

/** undefined: the request does not say. */
export function readLimit(value: unknown, at: string): number | undefined {
  if (value === undefined || value === null) return undefined
  if (!Number.isInteger(value)) fail(at, 'Input should be a valid integer')
  if ((value as number) < 1) fail(at, 'Input should be greater than or equal to 1')
  return value as number
}

/** One text or a list of them. */
export function readStop(value: unknown): string[] {
  if (value === undefined || value === null) return []
  if (typeof value === 'string') return checkStopSequences([readText(value, 'stop')], 'stop')
  if (!Array.isArray(value)) fail('stop', 'Input should be a string or a list')
  const sequences = value.map((sequence, i) => readText(sequence, `stop[${i}]`))
  return checkStopSequences(sequences, 'stop')
}

export function readUsageWanted({ stream_options: options }: Fields): boolean {
  if (options === undefined || options === null) return false
  if (!isFields(options)) fail('stream_options', 'Input should be an object')
  return readFlag(options.include_usage, 'stream_options.include_usage')
}

/** Whether the model may think: any effort but `none` asks for it. */
export function readEffort(value: unknown, at: string): boolean {
  if (value === undefined || value === null) return false
  return readText(value, at) !== 'none'
}

export interface CompletionUsage {
  prompt_tokens: number
  completion_tokens: number
  total_tokens: number
  prompt_tokens_details: { cached_tokens: number }
  completion_tokens_details: { reasoning_tokens: number }
}

export function completionUsage(promptTokens: number, finish: TurnFinish): CompletionUsage {
  return {
    prompt_tokens: promptTokens,
    completion_tokens: finish.outputTokens,
    total_tokens: promptTokens + finish.outputTokens,
    prompt_tokens_details: { cached_tokens: finish.cachedTokens },
    completion_tokens_details: { reasoning_tokens: finish.thinkingTokens },
  }
}

/** How an answer ended, in OpenAI's word. */
export function finishReason({ reason }: TurnFinish): 'stop' | 'length' | 'tool_calls' {
  if (reason === 'tool_call') return 'tool_calls'
  return reason === 'length' ? 'length' : 'stop'
}

/** An event that is data alone, and a comment that no client sees. */
export const data = (value: unknown): string => `data: ${JSON.stringify(value)}\n\n`
export const COMMENT = ': ping\n\n'
