/** What a client sends: the JSON of a Messages request, as its author writes it. Parsing makes a ParsedRequest of it. */

/** Fields that are not listed may be there. Those of Anthropic's that tether does not need are ignored. */
interface ExtraFields {
  // biome-ignore lint/suspicious/noExplicitAny: with `unknown` the official SDK's interfaces would not be assignable
  [field: string]: any
}

/**
 * One of these words. Other strings compile too: in an object that is kept in a variable TypeScript widens `'user'` to
 * `string`. A wrong word is an `invalid_request` where the request is read.
 */
type OneOf<Word extends string> = Word | AnyWord

/** A string, written so that an editor still offers the words beside it in a union. */
type AnyWord = string & Record<never, never>

/** A request whose tokens are counted: a MessageRequest, which may do without `max_tokens`. */
export interface CountTokensRequest extends ExtraFields {
  /** The conversation, oldest message first. At least one. */
  messages: MessageParam[]
  /** Any name: the loaded model answers. The library needs none, a request over HTTP does. */
  model?: string
  /** Instructions that stand before the conversation. */
  system?: string | TextBlockParam[] | null
  /** Tools that the model may call. */
  tools?: (ToolParam | ServerToolParam)[] | null
  /** Whether the model has to call a tool, and which. Default: `{ type: 'auto' }`. */
  tool_choice?: ToolChoiceParam | null
  /** Whether the model thinks before it answers, and for how long. Default: it does not. */
  thinking?: ThinkingParam | null
  /** What the answer has to be. The model is told so; nothing holds it to that yet. */
  output_config?: OutputConfigParam | null
  /** Strings that end the answer; they are not part of it. */
  stop_sequences?: string[] | null
  /** 0 to 2. 0 always takes the likeliest token. Default: the loaded model's, as of all sampling fields. */
  temperature?: number | null
  /** 0 to 1: only the likeliest tokens that make up this share. 1 is off. */
  top_p?: number | null
  /** Only so many of the likeliest tokens. 0 is off. */
  top_k?: number | null
  /** 0 to 1: only tokens at least this likely relative to the likeliest. 0 is off. Not a field of Anthropic's. */
  min_p?: number | null
  /** Above 1, recent tokens become less likely. 1 is off. Not a field of Anthropic's. */
  repetition_penalty?: number | null
  /** A whole number that makes sampling repeatable. Not a field of Anthropic's. */
  seed?: number | null
  /** Over HTTP: whether the answer comes as events. The library has `message()` and `stream()` instead. */
  stream?: boolean | null
}

/** A request of Anthropic's Messages API. The official SDK's `MessageCreateParams` are such requests. */
export interface MessageRequest extends CountTokensRequest {
  /** The most tokens that the answer may have, thinking included. At least 1. */
  max_tokens: number
}

/** One message of a conversation. */
export interface MessageParam extends ExtraFields {
  /** Who says it. */
  role: OneOf<'user' | 'assistant' | 'system'>
  /** A text, or blocks. The `content` of an answer can be sent back as it is. */
  content: string | ContentBlockParam[]
}

/** A part of a message. */
export type ContentBlockParam =
  | TextBlockParam
  | ThinkingBlockParam
  | RedactedThinkingBlockParam
  | ToolUseBlockParam
  | ToolResultBlockParam
  | ToolReferenceBlockParam
  | ImageBlockParam
  | DocumentBlockParam
  | OtherBlockParam<ContentWord>

/** Text. */
interface TextBlockParam extends ExtraFields {
  type: OneOf<'text'>
  /** The text. */
  text: string
}

/** What the model thought in an earlier answer. */
interface ThinkingBlockParam extends ExtraFields {
  type: 'thinking'
  /** The thinking, as it was answered. */
  thinking: string
  /** As it was answered. */
  signature?: string
}

/** Thinking that was encrypted for another server. It is ignored. */
interface RedactedThinkingBlockParam extends ExtraFields {
  type: 'redacted_thinking'
}

/** A call of a tool, in an assistant message. */
interface ToolUseBlockParam extends ExtraFields {
  type: 'tool_use'
  /** The id of the call, which its result names. */
  id: string
  /** The name of the tool. */
  name: string
  /** The call's arguments, a JSON object. */
  input?: unknown
}

/** What a tool returned, in the user message after the call. */
interface ToolResultBlockParam extends ExtraFields {
  type: 'tool_result'
  /** The `id` of the call. */
  tool_use_id: string
  /** What the tool returned. Default: nothing. */
  content?: string | ResultBlockParam[] | null
  /** Whether the tool failed, and `content` says why. */
  is_error?: boolean | null
}

/** A part of what a tool returned. */
type ResultBlockParam =
  | TextBlockParam
  | ToolReferenceBlockParam
  | ImageBlockParam
  | DocumentBlockParam
  | OtherBlockParam<ResultWord>

/** A tool that a search for tools found: from here on the model sees a tool that has `defer_loading`. */
interface ToolReferenceBlockParam extends ExtraFields {
  type: 'tool_reference'
  /** The `name` of the tool. */
  tool_name: string
}

/** An image. The model gets a line that says what was there. */
interface ImageBlockParam extends ExtraFields {
  type: 'image'
  /** The image itself: `{ type: 'base64', media_type, data }` or `{ type: 'url', url }`. */
  source: ExtraFields
}

/** A document. The model reads it if its source is text; else it gets a line that says what was there. */
interface DocumentBlockParam extends ExtraFields {
  type: 'document'
  /** The document itself: `{ type: 'text', data }`, `{ type: 'content', content }`, or what the model cannot read. */
  source: ExtraFields
  /** What the document is called. */
  title?: string | null
}

type ResultWord = 'text' | 'tool_reference' | 'image' | 'document'
type ContentWord = ResultWord | 'thinking' | 'redacted_thinking' | 'tool_use' | 'tool_result'

/** A block of another type: the model gets a line that says what was there. Or one whose type TypeScript has widened. */
interface OtherBlockParam<Word extends string> extends ExtraFields {
  /** What the block is. The words are those of the blocks above: without them here an editor would offer none. */
  type: OneOf<Word>
  /** Of a text. */
  text?: string
}

/** A tool that the model may call. */
export interface ToolParam extends ExtraFields {
  /** By this name the model calls it. */
  name: string
  /** What the tool does and when to call it. The model reads this. */
  description?: string
  /** The JSON schema of the tool's input, an object's. */
  input_schema: JsonSchema
  /** `custom`, which is the default. */
  type?: OneOf<'custom'> | null
  /** Hides the tool from the model until a `tool_reference` block names it. */
  defer_loading?: boolean
}

/** A JSON schema. */
interface JsonSchema extends ExtraFields {
  /** `object` for the input of a tool. */
  type?: unknown
  /** The schema of each property, by its name. */
  properties?: unknown
  /** The names of the properties that must be there. */
  required?: unknown
}

/**
 * A tool of Anthropic's, by its dated type. bash, text_editor, memory and computer get the schema that they have there;
 * one that runs on Anthropic's servers, such as web_search, cannot run here and is left out.
 */
interface ServerToolParam extends ExtraFields {
  /** Such as `web_search_20250305`. */
  type: AnyWord
}

/** What the answer has to be. */
interface OutputConfigParam extends ExtraFields {
  /** JSON that fits a schema. Default: text. */
  format?: OutputFormatParam | null
}

/** JSON that fits a schema. */
interface OutputFormatParam extends ExtraFields {
  type: OneOf<'json_schema' | 'text'>
  /** The JSON schema. */
  schema?: JsonSchema
}

/** Whether the model has to call a tool. */
export interface ToolChoiceParam extends ExtraFields {
  /** `auto`: as the model likes; `any`: some tool; `tool`: the one that `name` names; `none`: no tool. */
  type: OneOf<'auto' | 'any' | 'tool' | 'none'>
  /** The tool's name. Required with `tool`. */
  name?: string
  /** At most one call in an answer. Default: false. */
  disable_parallel_tool_use?: boolean | null
}

/** Whether the model thinks before it answers. */
interface ThinkingParam extends ExtraFields {
  /** All types but `disabled` ask for thinking. */
  type: OneOf<'enabled' | 'adaptive' | 'disabled'>
  /** With `enabled`: the most tokens that thinking may take. Default: what leaves room for an answer. */
  budget_tokens?: number | null
}
