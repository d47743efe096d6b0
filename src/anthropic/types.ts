/** Anthropic's Messages API as tether speaks it: a parsed request, and the answer. */
import type { JsonObject } from '../chat/types.js'
import type { RequestSampling } from '../options.js'

export type TextBlock = { type: 'text'; text: string }
export type ThinkingBlock = { type: 'thinking'; thinking: string; signature: string }
export type ToolUseBlock = { type: 'tool_use'; id: string; name: string; input: JsonObject }
export type ToolResultBlock = {
  type: 'tool_result'
  tool_use_id: string
  content: ContentBlock[]
  is_error: boolean
}
/** Anything that a text model cannot read (image, document, …): kept as its type and a size to say. */
export type OtherBlock = { type: 'other'; kind: string; bytes: number; mediaType?: string; name?: string }
export type ToolReferenceBlock = { type: 'tool_reference'; tool_name: string }
/** A tool that came in the middle of the conversation, with its definition, or one that left. */
export type ToolChangeBlock = { type: 'tool_addition'; tool: RequestTool } | { type: 'tool_removal'; tool_name: string }
export type ContentBlock =
  | TextBlock
  | ThinkingBlock
  | ToolUseBlock
  | ToolResultBlock
  | ToolReferenceBlock
  | ToolChangeBlock
  | OtherBlock

export interface RequestMessage {
  role: 'user' | 'assistant' | 'system'
  content: ContentBlock[]
}

export interface RequestTool {
  name: string
  description: string
  input_schema: JsonObject
  defer_loading: boolean
  /** Whether every call has to fit the schema. */
  strict?: true
}

export type ToolChoice =
  | { type: 'auto' | 'any' | 'none'; disable_parallel_tool_use: boolean }
  | { type: 'tool'; name: string; disable_parallel_tool_use: boolean }

/** A MessageRequest after parsing: every shape that clients may send, brought to one. */
export interface ParsedRequest extends RequestSampling {
  /** undefined: whichever is loaded, which is what answers in any case. */
  model?: string
  messages: RequestMessage[]
  system: TextBlock[]
  tools: RequestTool[]
  /** Types of tools that only Anthropic's servers can run. */
  ignoredTools: string[]
  toolChoice: ToolChoice
  /** The JSON schema that the answer has to fit; `{}`: any JSON. Unset: the answer is text. */
  outputSchema?: JsonObject
  /** undefined in a count_tokens request. */
  maxTokens?: number
  stream: boolean
  stopSequences: string[]
  thinking: boolean
  /** Tokens that thinking may take at the most. undefined: as many as leave room for an answer. */
  thinkingBudget?: number
}

export interface Usage {
  input_tokens: number
  cache_creation_input_tokens: number
  cache_read_input_tokens: number
  output_tokens: number
}

export type StopReason = 'end_turn' | 'max_tokens' | 'stop_sequence' | 'tool_use'

export type AnswerBlock = TextBlock | ThinkingBlock | ToolUseBlock

export interface Message {
  id: string
  type: 'message'
  role: 'assistant'
  model: string
  content: AnswerBlock[]
  stop_reason: StopReason | null
  stop_sequence: string | null
  usage: Usage
}

export type MessageEvent =
  | { type: 'message_start'; message: Message }
  | { type: 'content_block_start'; index: number; content_block: AnswerBlock }
  | {
      type: 'content_block_delta'
      index: number
      delta:
        | { type: 'text_delta'; text: string }
        | { type: 'thinking_delta'; thinking: string }
        | { type: 'signature_delta'; signature: string }
        | { type: 'input_json_delta'; partial_json: string }
    }
  | { type: 'content_block_stop'; index: number }
  | { type: 'message_delta'; delta: { stop_reason: StopReason; stop_sequence: string | null }; usage: Usage }
  | { type: 'message_stop' }
