/** The library's model: a loaded model with Anthropic's messages attached. */
import { resolve } from 'node:path'
import { answerMessage, countMessageTokens, type MessageOptions, streamMessage } from './anthropic/messages.js'
import type { CountTokensRequest, MessageRequest } from './anthropic/request.js'
import type { Message, MessageEvent } from './anthropic/types.js'
import { openModel } from './model/load.js'
import type { LoadedModel, OpenModelOptions } from './model/types.js'
import { demoModel } from './models/demo-model.js'
import { expandHome } from './models/expand-home.js'
import { findDraft } from './models/find-draft.js'
import { findModel } from './models/find-model.js'
import { defaultModelsDir } from './models/models-dir.js'

/** Options of `loadModel`. */
export interface LoadModelOptions extends OpenModelOptions {
  /** Where a model is looked up by its name. Default: TETHER_MODELS_DIR, else ~/.tether/models. */
  modelsDir?: string
}

export interface Model extends LoadedModel {
  /** An Anthropic Messages request, answered whole. Throws `invalid_request`, `prompt_too_long`, … */
  message(request: MessageRequest, options?: MessageOptions): Promise<Message>
  /** The same as events. What is wrong with the request is thrown before the first event. */
  stream(request: MessageRequest, options?: MessageOptions): AsyncGenerator<MessageEvent, void, undefined>
  /** The tokens of a request's prompt: the three input counts of its answer's usage together, if no turns are dropped. */
  countTokens(request: CountTokensRequest): number
}

/**
 * Loads a checkpoint: a folder, else a name in the models folder, else a repository in the Hugging Face cache, as
 * `tether --model` finds it; `demo` is the model that comes with the package. Nothing is downloaded. Everything that can
 * be known to be wrong is found before the weights are read. Throws TetherError, such as `model_not_found`; on failure
 * nothing is left behind.
 *
 * @example
 * const model = await loadModel('demo')
 * const answer = await model.message({ max_tokens: 50, messages: [{ role: 'user', content: 'Say pineapple.' }] })
 * await model.close()
 *
 * @example
 * const model = await loadModel('mlx-community/gemma-4-e2b-it-4bit')
 */
export async function loadModel(
  model: string,
  { modelsDir = defaultModelsDir(), name, draft: asked, ...options }: LoadModelOptions = {},
): Promise<Model> {
  const places = { modelsDir: resolve(expandHome(modelsDir)), demo: demoModel }
  const found = findModel(model, places)
  // What is no text is for the loading to refuse.
  const draft = typeof asked === 'string' && asked !== '' ? findDraft(asked, places) : asked
  // A model is called what it was asked for by: the folder of a cached one is named after a commit.
  return withMessages(await openModel(found.path, { ...options, draft, name: name ?? found.name }))
}

export function withMessages(model: LoadedModel): Model {
  return {
    ...model,
    message: (request, options) => answerMessage(model.turns, request, options),
    stream: (request, options) => streamMessage(model.turns, request, options),
    countTokens: (request) => countMessageTokens(model.turns, request),
  }
}
