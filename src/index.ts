/** The public API of @tether/mlx. */
// First, so that it runs before what an old Node cannot run.
import './check-node.js'

export type { MessageOptions } from './anthropic/messages.js'
export type {
  ContentBlockParam,
  CountTokensRequest,
  MessageParam,
  MessageRequest,
  ToolChoiceParam,
  ToolParam,
} from './anthropic/request.js'
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
export { type ApiTool, type ReadOutputOptions, readOutput } from './chat/read-output.js'
export { type LoadTokenizerOptions, loadTokenizer } from './chat/tokenizer/load.js'
export type { ChatTool, JsonObject, JsonValue, Part, Piece, PromptPiece, Tokenizer, TokenStream } from './chat/types.js'
export { about } from './engine/load.js'
export type {
  CacheStats,
  EngineInfo,
  EngineMemory,
  EngineStats,
  Finish,
  FinishReason,
  PromptMiss,
  WindowLimit,
} from './engine/types.js'
export { type ErrorCode, TetherError } from './errors.js'
export { type LoadModelOptions, loadModel, type Model } from './load-model.js'
export type { GeneratedText, GenerateOptions, LoadedModel, ModelInfo } from './model/types.js'
export { windowSentence } from './model/window.js'
export type { PromptOrder, RequestSampling, Sampling, Thinking } from './options.js'
export {
  type LoadHow,
  type LogLine,
  type ModelReport,
  type OnOverflow,
  type ServedModel,
  type ServeOptions,
  type Server,
  serve,
  type TlsOptions,
} from './server/serve.js'
export type { DebugHook, DebugTurn } from './turn/debug.js'
export type { Dropped } from './turn/drop-oldest.js'
export type { InvalidToolInput, Overflow } from './turn/types.js'
