/** OpenAI's completions as tether speaks them: a raw prompt that the model continues. */
import type { RequestSampling } from '../../options.js'
import type { CompletionUsage } from '../common.js'

export interface ParsedCompletion {
  model: string
  /** Text in which control tokens count as such, or token ids. */
  prompt: string | number[]
  /** The text after the gap that is to be filled. Both texts are then plain. Unset: there is none. */
  suffix?: string
  maxTokens: number
  stream: boolean
  stopSequences: string[]
  sampling: RequestSampling
  ignoredFields?: string[]
  /** Whether a stream ends with a chunk of counts. */
  usage: boolean
}

export interface Completion {
  id: string
  object: 'text_completion'
  created: number
  model: string
  choices: { index: 0; text: string; logprobs: null; finish_reason: 'stop' | 'length' | null }[]
  usage?: CompletionUsage | null
}

/** `done`: the mark at the end of a stream. */
export type CompletionEvent = Completion | 'done'
