/** Types of the text layer: a chat of messages, a prompt of pieces, an answer of parts. */

import type { PromptOrder } from '../options.js'

export type JsonValue = string | number | boolean | null | JsonValue[] | { [key: string]: JsonValue }
export type JsonObject = { [key: string]: JsonValue }

/** A piece of what the model reads or writes: plain text, or one control token by its written form. */
export type Piece = string | { control: string }

/** A piece of a prompt. Text that the model itself generated may be given as the tokens it generated. */
export type PromptPiece = Piece | { tokens: Int32Array }

/** What a message holds. Tool results are parts of user messages and precede the text beside them. */
export type ChatPart =
  /** `before`: how many of its characters the client sent in blocks of their own, before the last one. */
  | { type: 'text'; text: string; before?: number }
  | { type: 'thinking'; text: string }
  | { type: 'tool_call'; id: string; name: string; input: JsonObject }
  /** `isError`: unset where the protocol does not say. */
  | { type: 'tool_result'; id: string; text: string; isError?: boolean }

export interface ChatMessage {
  role: 'system' | 'user' | 'assistant'
  parts: ChatPart[]
  /** Of an assistant's message that this model wrote: its own tokens, since text encoded again may give others. */
  generated?: GeneratedTurn
}

/** A whole turn as it was sampled, without the token that ended it. */
export interface GeneratedTurn {
  tokens: Int32Array
  /** Whether the model might think, which decides how its turn was opened. */
  thinking: boolean
}

export interface ChatTool {
  name: string
  description: string
  /** JSON schema of the input object. */
  schema: JsonObject
  /** Whether the client relies on every call to fit the schema. */
  strict?: true
}

/** The conversation of one prompt. It ends with a user or system message, or with an assistant message to continue. */
export interface Chat {
  messages: ChatMessage[]
  tools: ChatTool[]
  /** Tools that may be called but are not rendered: their schemas are in the tool results that loaded them. */
  deferred?: ChatTool[]
  /** Whether the model may think before it answers. */
  thinking: boolean
}

/** What the model wrote, in order. Neighbouring `text` (and `thinking`) parts belong together. */
export type Part =
  | { type: 'text'; text: string }
  | { type: 'thinking'; text: string }
  /** `json`: the input as JSON with all digits, only where JavaScript's numbers would round one. */
  | { type: 'tool_call'; name: string; input: JsonObject; json?: string }

/** How the text ended: by itself, or cut off. */
export type ReadEnd = 'stop' | 'length'

/**
 * Turns generated pieces into parts, holding back only what may still become a marker or a call.
 * A call is emitted once it is complete; one that is cut off or cannot be read comes back as text.
 */
export interface OutputReader {
  push(piece: Piece): Part[]
  /** Emits what was held back. Call it once, last. */
  end(end: ReadEnd): Part[]
}

/** A tokenizer's file, as Hugging Face's `tokenizers` reads it (without the post-processor's own additions). */
export interface Tokenizer {
  /** Ids are < vocabSize. */
  readonly vocabSize: number
  /** `special: true` reads control tokens that are written in the text as such; false keeps them plain text. */
  encode(text: string, options: { special: boolean }): Int32Array
  /** Encodes strings as plain text and control pieces by id. Throws `bad_tokenizer` for an unknown control token. */
  encodePrompt(prompt: PromptPiece[]): Int32Array
  /** All tokens as text, control tokens as they are written. */
  decode(tokens: Int32Array | number[]): string
  /** The id of a token by its exact content, control tokens included. */
  id(token: string): number | undefined
  /** Every control token, as it is written. */
  readonly controls: readonly string[]
  /** What a token adds to a text; undefined for control tokens and ids without a token. */
  bytes(id: number): Uint8Array | undefined
  /** The written form, if this id is a control token. */
  control(id: number): string | undefined
  /** Ids that the tokenizer itself puts before a text (bos), usually one or none. */
  readonly prefix: Int32Array
  /** Whether no pattern or table of the file itself is searched in a text, so that a short one is encoded in no time. */
  readonly isQuick: boolean
  /** An incremental decoder: it holds back the bytes of an incomplete character. */
  stream(): TokenStream
}

/** Decodes token by token. Pieces joined equal `decode` of the same tokens. */
export interface TokenStream {
  push(tokens: Int32Array | number[]): Piece[]
  end(): Piece[]
}

/** What may be written, as the addon reads it: xgrammar's structural tags, of which these are the kinds that tether uses. */
export type Rule =
  | { type: 'const_string'; value: string }
  | { type: 'regex'; pattern: string }
  /** One token by its id. */
  | { type: 'token'; token: number }
  | { type: 'any_tokens'; exclude_tokens: number[] }
  /** Any text in which none of these is. */
  | { type: 'any_text'; excludes: string[] }
  | { type: 'sequence'; elements: Rule[] }
  | { type: 'or'; elements: Rule[] }
  | { type: 'optional'; content: Rule }
  | { type: 'star'; content: Rule }
  | { type: 'json_schema'; json_schema: JsonObject; style: 'json' | 'gemma'; max_whitespace_cnt: number }

/** How a family's calls are written, as a grammar: what its reader reads, and only the form that the model was trained on. */
export interface CallSyntax {
  /** The control tokens and the texts after which a call stands. */
  readonly controls: readonly string[]
  readonly texts: readonly string[]
  /** Where a call may stand without a marker, at the beginning of an answer: the part of it that nothing else has. */
  readonly opening?: string
  /** The control token that opens and closes a call's texts, where it has one. */
  readonly quote?: string
  /** What stands after a marker, up to the call's end. `id`: of control tokens. `parallel`: whether more calls may follow. */
  rule(tools: readonly ChatTool[], options: { id(control: string): number | undefined; parallel: boolean }): Rule
  /** What of a tool no call can write; undefined: all of it can be written. */
  unwritable?(tool: ChatTool): string | undefined
}

/** How a model family writes its answers. */
export interface OutputFormat {
  /** `gemma4`, `llama3`, … */
  readonly name: string
  /**
   * A reader for what follows a prompt. `tools`: the tools that may be called; undefined: any name may be. `inThought`:
   * the prompt ends with the token that opens a thought.
   */
  reader(options: { tools: ChatTool[] | undefined; inThought?: boolean }): OutputReader
  /**
   * The beginning of an answer that must be a call, of this tool or of any. It ends the prompt, so that the model must
   * continue it, and the reader reads it first.
   */
  callStart(tool?: string): Piece[]
  /** How its calls are written. Unset: they are held to no grammar. */
  readonly calls?: CallSyntax
  /** Control tokens that end a turn of this family, as they are written; those that the tokenizer lacks are ignored. */
  readonly stopTokens: string[]
  /** Control tokens that the reader knows, as they are written in logs. */
  readonly markers: string[]
  /** How the model's thinking begins, and how to end it. Unset: the model has no thinking of its own. */
  readonly thought?: { open: string; close: Piece[] }
}

/** How a model family writes prompts and answers. */
export interface ChatFamily extends OutputFormat {
  /** Renders a chat as the prompt for the next assistant turn. Pure. Default order: the template's. */
  render(chat: Chat, order?: PromptOrder): PromptPiece[]
}
