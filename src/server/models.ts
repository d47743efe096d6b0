/**
 * GET /v1/models: the one model that is loaded, with the fields of Anthropic's API and of OpenAI's. Requests are answered
 * by it whatever model they name.
 */
import { TetherError } from '../errors.js'
import type { LoadedModel } from '../model/types.js'
import { json } from './body.js'

export function models(model: LoadedModel): Response {
  const { name } = model.info
  return json({ object: 'list', data: [describe(model)], has_more: false, first_id: name, last_id: name })
}

export function oneModel(model: LoadedModel, id: string): Response {
  if (id === model.info.name) return json(describe(model))
  throw new TetherError('model_not_found', `no model named ${id} is loaded. The loaded model is ${model.info.name}.`)
}

function describe({ info }: LoadedModel) {
  return {
    type: 'model',
    object: 'model',
    id: info.name,
    display_name: info.name,
    // A checkpoint does not say when it was released; the epoch is Anthropic's own word for unknown.
    created_at: '1970-01-01T00:00:00Z',
    created: 0,
    owned_by: 'tether',
    max_input_tokens: info.window,
    max_tokens: info.window,
  }
}
