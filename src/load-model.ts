/** The library's model: a loaded model with Anthropic's messages attached. */
import { answerMessage, countMessageTokens, type MessageOptions, streamMessage } from './anthropic/messages.js'
import type { CountTokensRequest, MessageRequest } from './anthropic/request.js'
import type { Message, MessageEvent } from './anthropic/types.js'
import { openModel } from './model/load.js'
import type { LoadedModel, LoadModelOptions } from './model/types.js'

export interface Model extends LoadedModel {
  /** An Anthropic Messages request, answered whole. Throws `invalid_request`, `prompt_too_long`, … */
  message(request: MessageRequest, options?: MessageOptions): Promise<Message>
  /** The same as events. What is wrong with the request is thrown before the first event. */
  stream(request: MessageRequest, options?: MessageOptions): AsyncGenerator<MessageEvent, void, undefined>
  /** The input tokens of a request: what its answer's usage will say, if no turns are dropped. */
  countTokens(request: CountTokensRequest): number
}

/**
 * Loads a checkpoint. Everything that can be known to be wrong is found before the weights are read.
 * Throws TetherError; on failure nothing is left behind.
 *
 * @example
 * const model = await loadModel('demo/model')
 * const answer = await model.message({ max_tokens: 50, messages: [{ role: 'user', content: 'Say pineapple.' }] })
 * await model.close()
 */
export async function loadModel(dir: string, options?: LoadModelOptions): Promise<Model> {
  return withMessages(await openModel(dir, options))
}

export function withMessages(model: LoadedModel): Model {
  return {
    ...model,
    message: (request, options) => answerMessage(model.turns, request, options),
    stream: (request, options) => streamMessage(model.turns, request, options),
    countTokens: (request) => countMessageTokens(model.turns, request),
  }
}
