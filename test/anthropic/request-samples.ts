/** Requests that compile and requests that do not. The compiler checks this file; nothing runs it. */
import type Anthropic from '@anthropic-ai/sdk'
import type {
  ContentBlockParam,
  CountTokensRequest,
  Message,
  MessageParam,
  MessageRequest,
  Model,
  ToolChoiceParam,
  ToolParam,
} from '../../src/index.js'
import type { requestOptions } from '../../src/options.js'

const hello: MessageParam[] = [{ role: 'user', content: 'Say pineapple.' }]

/** Every field and every type of block. */
export const everything: MessageRequest = {
  model: 'any',
  max_tokens: 100,
  system: [{ type: 'text', text: 'Be brief.', cache_control: { type: 'ephemeral' } }],
  messages: [
    { role: 'system', content: 'It is Monday.' },
    {
      role: 'user',
      content: [
        { type: 'text', text: 'List the files.', cache_control: { type: 'ephemeral' } },
        { type: 'image', source: { type: 'base64', media_type: 'image/png', data: 'aGk=' } },
        { type: 'document', title: 'notes.txt', source: { type: 'text', media_type: 'text/plain', data: 'hi' } },
        { type: 'document', source: { type: 'content', content: [{ type: 'text', text: 'hi' }] } },
        { type: 'search_result', source: 'a', title: 'b', content: [{ type: 'text', text: 'c' }] },
      ],
    },
    {
      role: 'assistant',
      content: [
        { type: 'thinking', thinking: 'ls', signature: '' },
        { type: 'redacted_thinking', data: 'aGk=' },
        { type: 'tool_use', id: 'a', name: 'Bash', input: { command: 'ls' } },
      ],
    },
    {
      role: 'user',
      content: [
        { type: 'tool_result', tool_use_id: 'a', content: 'notes.txt', is_error: false },
        { type: 'tool_result', tool_use_id: 'b' },
        { type: 'tool_result', tool_use_id: 'c', content: [{ type: 'tool_reference', tool_name: 'Edit' }] },
      ],
    },
  ],
  tools: [
    { name: 'Bash', description: 'Runs a command', input_schema: { type: 'object', properties: {} } },
    { type: 'custom', name: 'Edit', input_schema: { type: 'object' }, defer_loading: true },
    { type: 'web_search_20250305', name: 'web_search', max_uses: 3 },
  ],
  tool_choice: { type: 'tool', name: 'Bash', disable_parallel_tool_use: true },
  thinking: { type: 'enabled', budget_tokens: 50 },
  stop_sequences: ['STOP'],
  temperature: 0.5,
  top_p: 0.9,
  top_k: 40,
  min_p: 0.1,
  repetition_penalty: 1.1,
  seed: 7,
  stream: false,
}

export const nulls: MessageRequest = {
  max_tokens: 1,
  messages: hello,
  system: null,
  tools: null,
  tool_choice: null,
  thinking: null,
  stop_sequences: null,
  temperature: null,
  stream: null,
}

/** Fields that are not listed, at every level. */
export const extraFields: MessageRequest = {
  max_tokens: 1,
  messages: [
    { role: 'user', content: [{ type: 'text', text: 'hi', later: 1 }], later: 1 },
    { role: 'user', content: [{ type: 'tool_result', tool_use_id: 'a', content: [], later: 1 }] },
  ],
  tools: [{ name: 'Bash', input_schema: { type: 'object', additionalProperties: false, later: 1 }, later: 1 }],
  tool_choice: { type: 'auto', later: 1 },
  thinking: { type: 'adaptive', display: 'omitted' },
  metadata: { user_id: 'me' },
  later: { than: 'this' },
}

/** In all of these TypeScript widens the words to `string`. */
const tools = [
  { name: 'Bash', description: 'Runs a command', input_schema: { type: 'object', properties: {}, required: ['a'] } },
]
const widened = {
  max_tokens: 1,
  messages: [
    { role: 'user', content: 'hi' },
    { role: 'assistant', content: 'Hi.' },
  ],
  tools,
}
const widenedBlocks = {
  max_tokens: 1,
  system: [{ type: 'text', text: 'Be brief.' }],
  messages: [{ role: 'user', content: [{ type: 'text', text: 'hi' }] }],
  tool_choice: { type: 'any' },
  thinking: { type: 'enabled', budget_tokens: 5 },
}
interface Words {
  role: string
  content: string
}
declare const words: Words[]

export async function methods(model: Model, answer: Message, signal: AbortSignal) {
  await model.message(widened)
  await model.message(widenedBlocks, { signal })
  await model.message({ max_tokens: 1, messages: words })
  await model.message({ max_tokens: 1, messages: [...hello, { role: 'assistant', content: answer.content }] })
  for await (const event of model.stream(everything)) if (event.type === 'message_stop') break
  model.countTokens(everything)
  model.countTokens({ messages: hello, tools })

  // @ts-expect-error max_tokens is missing
  await model.message({ messages: hello })
  // @ts-expect-error max_tokens is missing
  model.stream({ messages: hello })
  // @ts-expect-error messages are missing
  await model.message({ max_tokens: 1 })
  // @ts-expect-error messages are missing
  model.countTokens({ max_tokens: 1 })
  // @ts-expect-error a text is no request
  await model.message('Say pineapple.')
  // @ts-expect-error no request
  await model.message()
}

export const sdk = {
  request: (request: Anthropic.MessageCreateParams): MessageRequest => request,
  whole: (request: Anthropic.MessageCreateParamsNonStreaming): MessageRequest => request,
  streamed: (request: Anthropic.MessageCreateParamsStreaming): MessageRequest => request,
  counted: (request: Anthropic.MessageCountTokensParams): CountTokensRequest => request,
  message: (message: Anthropic.MessageParam): MessageParam => message,
  answer: (answer: Anthropic.Message): MessageParam => answer,
  block: (block: Anthropic.ContentBlockParam): ContentBlockParam => block,
  tool: (tool: Anthropic.Tool): ToolParam => tool,
  toolChoice: (choice: Anthropic.ToolChoice): ToolChoiceParam => choice,
}

/** The sampling fields are those that the parser reads. `true` compiles only if no name is missing on either side. */
type ParsedKey = (typeof requestOptions)[keyof typeof requestOptions]['key']
type Declared<Type> = keyof { [Key in keyof Type as string extends Key ? never : number extends Key ? never : Key]: 0 }
type SamplingKey = Exclude<
  Declared<MessageRequest>,
  | ('model' | 'max_tokens' | 'messages' | 'system' | 'stream' | 'stop_sequences')
  | ('thinking' | 'tools' | 'tool_choice' | 'output_config')
>
export const allSamplingKeys: [ParsedKey, SamplingKey] extends [SamplingKey, ParsedKey] ? true : false = true

type Wrong<Field extends keyof MessageRequest> = Pick<MessageRequest, Field>

// @ts-expect-error a number
export const maxTokens: Wrong<'max_tokens'> = { max_tokens: '50' }
// @ts-expect-error not null either
export const nullMaxTokens: Wrong<'max_tokens'> = { max_tokens: null }
// @ts-expect-error a list
export const messages: Wrong<'messages'> = { messages: 'Say pineapple.' }
// @ts-expect-error objects
export const textMessages: Wrong<'messages'> = { messages: ['Say pineapple.'] }
// @ts-expect-error content is missing
export const noContent: Wrong<'messages'> = { messages: [{ role: 'user' }] }
// @ts-expect-error role is missing
export const noRole: Wrong<'messages'> = { messages: [{ content: 'hi' }] }
// @ts-expect-error a text
export const role: Wrong<'messages'> = { messages: [{ role: 1, content: 'hi' }] }
// @ts-expect-error a text or a list
export const content: Wrong<'messages'> = { messages: [{ role: 'user', content: 5 }] }
// @ts-expect-error a block, not in a list
export const loneBlock: Wrong<'messages'> = { messages: [{ role: 'user', content: { type: 'text', text: 'hi' } }] }
// @ts-expect-error a block has a type
export const noType: Wrong<'messages'> = { messages: [{ role: 'user', content: [{ text: 'hi' }] }] }
// @ts-expect-error text is a string
export const text: Wrong<'messages'> = { messages: [{ role: 'user', content: [{ type: 'text', text: 5 }] }] }
// @ts-expect-error a text or blocks
export const system: Wrong<'system'> = { system: { type: 'text', text: 'hi' } }
// @ts-expect-error a list
export const loneTool: Wrong<'tools'> = { tools: { name: 'Bash', input_schema: {} } }
// @ts-expect-error name is missing
export const noName: Wrong<'tools'> = { tools: [{ input_schema: {} }] }
// @ts-expect-error input_schema is missing
export const noSchema: Wrong<'tools'> = { tools: [{ name: 'Bash' }] }
// @ts-expect-error an object
export const schema: Wrong<'tools'> = { tools: [{ name: 'Bash', input_schema: 'string' }] }
// @ts-expect-error an object
export const toolChoice: Wrong<'tool_choice'> = { tool_choice: 'auto' }
// @ts-expect-error an object
export const thinking: Wrong<'thinking'> = { thinking: true }
// @ts-expect-error a number
export const budget: Wrong<'thinking'> = { thinking: { type: 'enabled', budget_tokens: 'all' } }
// @ts-expect-error a list
export const stop: Wrong<'stop_sequences'> = { stop_sequences: 'STOP' }
// @ts-expect-error a number
export const temperature: Wrong<'temperature'> = { temperature: 'hot' }
// @ts-expect-error a number
export const seed: Wrong<'seed'> = { seed: '7' }
// @ts-expect-error true or false
export const stream: Wrong<'stream'> = { stream: 'yes' }
