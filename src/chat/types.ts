/** The text layer's nouns: a chat goes in as messages, a prompt leaves as pieces; text comes back as parts. */

export type JsonValue = string | number | boolean | null | JsonValue[] | { [key: string]: JsonValue }
export type JsonObject = { [key: string]: JsonValue }

/** A piece of what the model reads or writes: plain text, or one control token by its written form. */
export type Piece = string | { control: string }

/** A piece of a prompt; what the model itself has written may stand there as the tokens that it wrote. */
export type PromptPiece = Piece | { tokens: Int32Array }

/** What a message holds. Tool results are parts of user messages and precede the text beside them. */
export type ChatPart =
  | { type: 'text'; text: string }
  | { type: 'thinking'; text: string }
  | { type: 'tool_call'; id: string; name: string; input: JsonObject }
  | { type: 'tool_result'; id: string; text: string; isError: boolean }

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
}

/** One prompt's worth of conversation. Ends with a user or system message, or an assistant one that is to be continued. */
export interface Chat {
  messages: ChatMessage[]
  tools: ChatTool[]
  /** Callable too, but not to be rendered: their schemas stand in the tool results that loaded them. */
  deferred?: ChatTool[]
  /** Whether the model may think before it answers. */
  thinking: boolean
}

/** What the model wrote, in order. Neighbouring `text` (and `thinking`) parts belong together. */
export type Part =
  | { type: 'text'; text: string }
  | { type: 'thinking'; text: string }
  | { type: 'tool_call'; name: string; input: JsonObject }

/** How a reader is told that the text is over: by itself, or cut off. */
export type ReadEnd = 'stop' | 'length'

/**
 * Turns generated pieces into parts, holding back only what may still become a marker or a call.
 * A call is given out once it is complete; one that is cut off or cannot be read comes back as text.
 */
export interface OutputReader {
  push(piece: Piece): Part[]
  /** What was held back. Call once, last. */
  end(end: ReadEnd): Part[]
}

/** tokenizer.json, as Hugging Face's `tokenizers` reads it (without the post-processor's own additions). */
export interface Tokenizer {
  /** Ids are < vocabSize. */
  readonly vocabSize: number
  /** `special: true` lets control tokens written in the text count as such; false keeps them plain text. */
  encode(text: string, options: { special: boolean }): Int32Array
  /** Strings as plain text, control pieces by id, tokens as they are. Throws `bad_tokenizer` on a control token that does not exist. */
  encodePrompt(prompt: PromptPiece[]): Int32Array
  /** All tokens as text, control tokens as they are written. */
  decode(tokens: Int32Array | number[]): string
  /** The id of a token by its exact content, control tokens included. */
  id(token: string): number | undefined
  /** Every control token, as it is written. */
  readonly controls: readonly string[]
  /** The written form, if this id is a control token. */
  control(id: number): string | undefined
  /** Ids that the tokenizer itself puts before a text (bos), usually one or none. */
  readonly prefix: Int32Array
  /** An incremental decoder: bytes of half a character are held back until they are whole. */
  stream(): TokenStream
}

/** Decodes token by token. Pieces joined equal `decode` of the same tokens. */
export interface TokenStream {
  push(tokens: Int32Array | number[]): Piece[]
  end(): Piece[]
}

/** How a model family writes its answers. */
export interface OutputFormat {
  /** `gemma4`, `llama3`, … */
  readonly name: string
  /** A reader for what follows a prompt. `tools`: what may be called; undefined lets every name pass. */
  reader(options: { tools: ChatTool[] | undefined }): OutputReader
  /**
   * How an answer begins that has to be a call, of this tool or of any. It stands at the end of the prompt, so that the
   * model can only go on with it, and is the first that the reader reads.
   */
  callStart(tool?: string): Piece[]
  /** Control tokens that end a turn of this family, by content; those the tokenizer lacks are ignored. */
  readonly stopTokens: string[]
  /** Control tokens that the reader knows, as they are written in logs. */
  readonly markers: string[]
  /** How the model's thinking begins, and how it is ended for it. Unset: it has no thinking of its own. */
  readonly thought?: { open: string; close: Piece[] }
}

/** What a model family means by text. */
export interface ChatFamily extends OutputFormat {
  /** A chat as the prompt that asks for the next assistant turn. Pure. */
  render(chat: Chat): PromptPiece[]
}
