/** GET /v1/models: the one model that is loaded. Messages are answered by it whatever model they name. */
import type { LoadedModel } from '../model/types.js'
import { json } from './body.js'
import { HttpError } from './http-error.js'

export function models(model: LoadedModel): Response {
  const { name } = model.info
  return json({ data: [describe(model)], has_more: false, first_id: name, last_id: name })
}

export function oneModel(model: LoadedModel, id: string): Response {
  if (id === model.info.name) return json(describe(model))
  throw new HttpError('not_found', `no model named ${id} is loaded. The loaded model is ${model.info.name}.`)
}

function describe({ info }: LoadedModel) {
  return {
    type: 'model',
    id: info.name,
    display_name: info.name,
    // A checkpoint does not say when it was released; the epoch is Anthropic's own word for unknown.
    created_at: '1970-01-01T00:00:00Z',
    max_input_tokens: info.window,
    max_tokens: info.window,
  }
}
