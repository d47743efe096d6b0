/** OpenAI's responses as tether speaks them. */
export type ItemStatus = 'in_progress' | 'completed' | 'incomplete'

export interface OutputText {
  type: 'output_text'
  text: string
  annotations: never[]
  logprobs: never[]
}

export interface ReasoningText {
  type: 'reasoning_text'
  text: string
}

export interface MessageItem {
  id: string
  type: 'message'
  status: ItemStatus
  role: 'assistant'
  content: OutputText[]
}

export interface ReasoningItem {
  id: string
  type: 'reasoning'
  status: ItemStatus
  summary: never[]
  content: ReasoningText[]
}

export interface CallItem {
  id: string
  type: 'function_call'
  status: ItemStatus
  call_id: string
  name: string
  namespace?: string
  arguments: string
}

/** A call whose input is a text of any form. */
export interface CustomCallItem {
  id: string
  type: 'custom_tool_call'
  status: ItemStatus
  call_id: string
  name: string
  namespace?: string
  input: string
}

export type OutputItem = MessageItem | ReasoningItem | CallItem | CustomCallItem

export interface ResponseUsage {
  input_tokens: number
  input_tokens_details: { cached_tokens: number }
  output_tokens: number
  output_tokens_details: { reasoning_tokens: number }
  total_tokens: number
}

/** The fields of a response that repeat its request. */
export interface RepeatedFields {
  background: false
  instructions: string | null
  max_output_tokens: number | null
  metadata: object
  parallel_tool_calls: boolean
  previous_response_id: string | null
  reasoning: object
  service_tier: 'default'
  store: boolean
  temperature: number | null
  text: object
  tool_choice: unknown
  tools: unknown[]
  top_logprobs: 0
  top_p: number | null
  truncation: 'auto' | 'disabled'
  user: string | null
}

export interface ResponseObject extends RepeatedFields {
  id: string
  object: 'response'
  created_at: number
  completed_at: number | null
  status: ItemStatus
  error: null
  incomplete_details: { reason: 'max_output_tokens' } | null
  model: string
  output: OutputItem[]
  usage: ResponseUsage | null
}

/** What an answer has to know of its request. */
export interface ResponseEcho {
  repeated: RepeatedFields
  /** What the request says, packed, without instructions and what came before it. Unset: the response is not kept. */
  said?: Uint8Array
  /** Tools that the model knows by other names or in another form. */
  others: { shown: string; name: string; namespace?: string; isCustom: boolean }[]
}

interface InItem {
  item_id: string
  output_index: number
}
type InContent = InItem & { content_index: 0 }

/** An event before it is numbered. */
export type BareEvent =
  | { type: 'response.created' | 'response.in_progress'; response: ResponseObject }
  | { type: 'response.completed' | 'response.incomplete'; response: ResponseObject }
  | { type: 'response.output_item.added' | 'response.output_item.done'; output_index: number; item: OutputItem }
  | (InContent & {
      type: 'response.content_part.added' | 'response.content_part.done'
      part: OutputText | ReasoningText
    })
  | (InContent & { type: 'response.output_text.delta'; delta: string; logprobs: never[] })
  | (InContent & { type: 'response.output_text.done'; text: string; logprobs: never[] })
  | (InContent & { type: 'response.reasoning_text.delta'; delta: string })
  | (InContent & { type: 'response.reasoning_text.done'; text: string })
  | (InItem & { type: 'response.function_call_arguments.delta'; delta: string })
  | (InItem & { type: 'response.function_call_arguments.done'; name: string; arguments: string })
  | (InItem & { type: 'response.custom_tool_call_input.delta'; delta: string })
  | (InItem & { type: 'response.custom_tool_call_input.done'; input: string })

export type ResponseEvent = BareEvent & { sequence_number: number }
