/** The public API of @tether/mlx. */
export type {
  AnswerBlock,
  Message,
  MessageEvent,
  StopReason,
  TextBlock,
  ThinkingBlock,
  ToolUseBlock,
  Usage,
} from './anthropic/types.js'
export type { NativeAbout } from './binding.js'
export { type ReadOutputOptions, readOutput } from './chat/read-output.js'
export { type LoadTokenizerOptions, loadTokenizer } from './chat/tokenizer/load.js'
export type { ChatTool, JsonObject, JsonValue, Part, Piece, PromptPiece, Tokenizer, TokenStream } from './chat/types.js'
export { about } from './engine/load.js'
export type { EngineInfo, EngineMemory, EngineStats, Finish, FinishReason, WindowLimit } from './engine/types.js'
export { type ErrorCode, TetherError } from './errors.js'
export type { DebugHook, DebugTurn } from './model/debug.js'
export { loadModel } from './model/load.js'
export type { MessageOptions, Thinking } from './model/messages.js'
export type { Dropped, Overflow } from './model/prompt.js'
export type { Sampling } from './model/sampling.js'
export type { Generated, GenerateOptions, LoadModelOptions, Misfit, Model, ModelInfo } from './model/types.js'
export { windowSentence } from './model/window.js'
export { type LogLine, type OnOverflow, type ServeOptions, type Server, serve } from './server/serve.js'
