/** One turn in nobody's protocol: what is asked, what is answered, and the model that answers. */
import type { Chat, ChatFamily, ChatTool, JsonObject, Piece, PromptPiece, Tokenizer } from '../chat/types.js'
import type { Constrained, HeldGrammar } from '../engine/grammar.js'
import type { Engine, Repetition } from '../engine/types.js'
import type { Constrain, LoopGuard, PromptOrder, RequestSampling, Sampling, Thinking } from '../options.js'
import type { DebugHook } from './debug.js'
import type { Dropped } from './drop-oldest.js'
import type { TurnMemory } from './turn-memory.js'

/** Which tools the answer may or must call. `tool`: this one, which has to be among the chat's. */
export type ToolChoice = { type: 'auto' | 'any' | 'none' } | { type: 'tool'; name: string }

/** One request for an answer. */
export interface TurnRequest {
  /** The model that the request names. Unset: whichever is loaded. It chooses among adapters; else it is only repeated. */
  model?: string
  /** Whether the client wants the answer as a stream. */
  stream: boolean
  chat: Chat
  toolChoice: ToolChoice
  /** false: the answer ends after its first call. */
  parallelCalls: boolean
  /** Tokens of the answer at most. Unset: what the window leaves. */
  maxTokens?: number
  /** Tokens that thinking may take at most. Unset: as many as leave room for an answer. */
  thinkingBudget?: number
  /** The JSON schema that the answer has to fit. Unset: it is free. */
  answerSchema?: JsonObject
  /** Texts that end the answer; they are not part of it. */
  stopSequences: string[]
  sampling: RequestSampling
  /** What the ids of calls begin with, as the protocol's clients know them. */
  callIdPrefix: string
  /** Tools of the request that cannot run here, and of which the model is not told. Unset: there are none. */
  ignoredTools?: string[]
  /** Fields of the request that have no effect here. Unset: there are none. */
  ignoredFields?: string[]
  /** What the protocol's answer repeats of its request: plain data, which the start has again. */
  echo?: object
}

/** A prompt that does not fit the window: an error, or its oldest turns are dropped. */
export type Overflow = 'truncate' | 'error'

/** A request turned into token ids, ready for the engine. Plain data: it can be posted from one thread to another. */
export interface PreparedTurn {
  /** The whole prompt. */
  tokens: Int32Array
  /** Lengths at which other prompts are likely to part from it. */
  forks: Int32Array
  record: TurnRecord
}

/** A request whose tokens were counted. Plain data too. */
export interface CountedTurn {
  /** Tokens of its prompt. */
  length: number
  /** The model that it names. */
  model?: string
}

/** What an answer is held to. */
export interface HoldPlan {
  /** `otherwise`: without the arguments of tools on which the client does not rely. */
  grammar: HeldGrammar
  /** Grammars that have to be compiled whole. Each is a part of `grammar`. */
  relied: (Relied & { source: string })[]
  /** What of the request's schemas is not held. */
  missing: string[]
}

/** What has to be held: what it is, and what else helps where it cannot be. */
export interface Relied {
  where: string
  instead: string
}

/** What running a turn needs of the request besides its tokens. */
export interface TurnRecord extends Omit<TurnRequest, 'chat' | 'toolChoice' | 'answerSchema'> {
  /** What may be called; without calls, what a call would be read by. */
  tools: ChatTool[]
  /** Whether the request wants none: then a call becomes text. */
  noCalls: boolean
  /** Whether the model may think. */
  thinking: boolean
  /** The beginning of the answer, where the prompt has it already. */
  begun: Piece[]
  /** Whether the prompt ends with the beginning of a thought. */
  inThought: boolean
  /** What the answer is held to. Unset: nothing. */
  hold?: HoldPlan
  /** The context under which the answer is remembered. Unset: the answer will be no turn of its own. */
  rememberAt?: string
  /** Answered with all that is generated, as it is: no thoughts and calls are looked for. */
  isRaw?: boolean
  /** What the conversation asks to be repeated. Unset: nothing. */
  repetition?: Repetition
  /** Ids that end this turn besides those of the model. */
  endTokens?: number[]
  dropped?: Dropped
  /** The prompt before it was encoded; only for a debug hook. */
  pieces?: PromptPiece[]
}

/** What is known before the engine is asked. */
export interface TurnStart {
  type: 'start'
  /** The name that the request gave the model, else the model's own. */
  model: string
  /** The adapter that answers. Unset: none. */
  adapter?: string
  stream: boolean
  promptTokens: number
  dropped?: Dropped
  ignoredTools?: string[]
  ignoredFields?: string[]
  echo?: object
}

/** How a turn ended. */
export interface TurnFinish {
  type: 'finish'
  /** `length`: the token limit or the window cut it off. */
  reason: 'end' | 'length' | 'stop_sequence' | 'tool_call'
  /** It was ended because it repeated itself. */
  isLoop?: true
  /** With reason `stop_sequence`: which one. */
  stopSequence?: string
  /** Tokens of the prompt that were reused from earlier work, others that are kept for later; tokens generated. */
  cachedTokens: number
  createdTokens: number
  outputTokens: number
  /** How many of them are thoughts: their text in tokens. */
  thinkingTokens: number
  /** How long it waited for the engine. */
  queueSeconds: number
  /** While it decoded; null for an answer of less than eight tokens. */
  tokensPerSecond: number | null
  /** Of an answer with a grammar. */
  constrained?: Constrained
}

/** The answer, in order: the start, what the model generates, the finish. Neighbouring `text` (and `thinking`) parts belong together. */
export type TurnPart =
  | TurnStart
  | { type: 'text'; text: string }
  | { type: 'thinking'; text: string }
  /** `json`: the input as JSON with all digits, only where JavaScript's numbers would round one. */
  | { type: 'tool_call'; id: string; name: string; input: JsonObject; json?: string }
  | TurnFinish

/** A call whose input does not fit its tool's schema. */
export interface InvalidToolInput {
  tool: string
  /** Such as `input.command: Field required`. */
  reason: string
}

/** Plain data, for another thread: where a prompter comes from. */
export interface PrompterSource {
  /** The checkpoint. */
  path: string
  promptOrder: PromptOrder
  thinking: Thinking
  /** Unset: on. */
  loopGuard?: LoopGuard
  /** Unset: off. */
  constrain?: Constrain
  window: number
  /** The folder of what is kept of its prompts. Unset: none. */
  folder?: string
  /** The folder that is worked in. Unset: nothing is known of earlier sessions. */
  sessionFolder?: string
}

/** What makes prompts: the half of a turn that needs no engine. */
export interface Prompter {
  family: Pick<ChatFamily, 'render' | 'callStart' | 'calls' | 'thought'>
  tokenizer: Pick<Tokenizer, 'encode' | 'encodePrompt' | 'prefix' | 'controls' | 'id' | 'vocabSize'>
  /** Turns that this model generated, to be found again in the next request. */
  memory: Pick<TurnMemory, 'recall'>
  thinking: Thinking
  /** Unset: on. */
  loopGuard?: LoopGuard
  /** Whether answers are held to grammars. Unset: off. */
  constrain?: Constrain
  /** Tokens that prompt and answer may have together. */
  window: number
}

/** Grammars of a model's answers. */
export interface Grammars {
  readonly constrain: Constrain
  /** Before the first grammar; again it does nothing. */
  prepare(): Promise<void>
  /**
   * -> the parts of its schemas that it does not hold, at once where that is remembered. Throws `invalid_request` with what
   * is wrong, `cancelled` by the signal.
   */
  compile(source: string, signal?: AbortSignal): Promise<string[]>
  /** Whether this source was compiled in vain, as far as that is remembered. */
  hasFailed(source: string): boolean
  /** Whether this is said for the first time, as far as that is remembered. */
  isNews(reason: string): boolean
}

/** What answers turns: the parts of a loaded model. */
export interface TurnModel {
  engine: Pick<Engine, 'info' | 'generate'>
  tokenizer: Prompter['tokenizer'] & Pick<Tokenizer, 'stream'>
  family: ChatFamily
  /** Sampling of a request that sets none. */
  defaults: Sampling
  thinking: Thinking
  /** Unset: on. */
  loopGuard?: LoopGuard
  /** Ids that end a turn. */
  stopTokens: Int32Array
  memory: TurnMemory
  /** Unset: answers are held to no grammar. */
  grammars?: Grammars
  /** What another thread opens the same prompter from. Unset: it cannot. */
  source?: PrompterSource
  /** Whether a small request is prepared in a few milliseconds: by text code of ours, not by the checkpoint's own. */
  isQuick: boolean
  /** The name of the model, for answers whose request names none. */
  name: string
  /** Which adapter a request's model names, and what that is called. Unset: there are none. */
  adapters?: { numberOf(model: string | undefined): number; nameOf(adapter: number): string | undefined }
  /** Called with each prompt, before the engine gets it. */
  onPrompt?: (prompt: Int32Array, record: TurnRecord) => void
  onDebug?: DebugHook
}
