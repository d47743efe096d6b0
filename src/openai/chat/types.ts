/** OpenAI's chat completions as tether speaks them. */
import type { CompletionUsage } from '../common.js'

export interface ToolCall {
  id: string
  type: 'function'
  function: { name: string; arguments: string }
}

/** A piece of a call: the first has its id and name, all have more of its arguments. */
export type ToolCallDelta = { index: number } & Partial<Omit<ToolCall, 'function'>> & {
    function: Partial<ToolCall['function']>
  }

export interface Delta {
  role?: 'assistant'
  content?: string
  /** What the model thinks, by the name that DeepSeek's API and its followers gave it. */
  reasoning_content?: string
  tool_calls?: ToolCallDelta[]
}

export type FinishReason = 'stop' | 'length' | 'tool_calls'

export interface ChatChunk {
  id: string
  object: 'chat.completion.chunk'
  created: number
  model: string
  choices: { index: 0; delta: Delta; logprobs: null; finish_reason: FinishReason | null }[]
  /** In the last chunk, where the request asks for it; null before. */
  usage?: CompletionUsage | null
}

/** `done`: the mark at the end of a stream. */
export type ChatEvent = ChatChunk | 'done'

export interface ChatMessageAnswer {
  role: 'assistant'
  /** null: the answer is calls alone. */
  content: string | null
  refusal: null
  reasoning_content?: string
  tool_calls?: ToolCall[]
}

export interface ChatCompletion {
  id: string
  object: 'chat.completion'
  created: number
  model: string
  choices: [{ index: 0; message: ChatMessageAnswer; logprobs: null; finish_reason: FinishReason }]
  usage: CompletionUsage
}

/** What a stream has to know of its request. */
export interface ChatEcho {
  /** Whether the stream ends with a chunk of counts. */
  usage: boolean
}
