/**
 * GET /v1/models: the models that there are, loaded or not, with the fields of Anthropic's API and of OpenAI's. Requests that
 * name another are answered by the first.
 */
import { TetherError } from '../errors.js'
import { json } from './body.js'
import type { HouseModel, ModelHouse } from './house-types.js'

export function models(house: ModelHouse): Response {
  const data = house.all().map(describe)
  return json({ object: 'list', data, has_more: false, first_id: data[0]?.id, last_id: data.at(-1)?.id })
}

export function oneModel(house: ModelHouse, id: string): Response {
  const all = house.all()
  const one = all.find(({ name }) => name === id)
  if (one) return json(describe(one))
  const names = all.map(({ name }) => name).join(', ')
  const why = house.isOne ? `is loaded. The loaded model is ${names}.` : `is here. There are ${names}.`
  throw new TetherError('model_not_found', `no model named ${id} ${why}`)
}

function describe({ name, state }: HouseModel) {
  const seen = state.state === 'ready' ? state.model : state.state === 'unloaded' ? state.seen : undefined
  const window = seen?.info.window
  return {
    type: 'model',
    object: 'model',
    id: name,
    display_name: name,
    // A checkpoint does not say when it was released; the epoch is Anthropic's own word for unknown.
    created_at: '1970-01-01T00:00:00Z',
    created: 0,
    owned_by: 'tether',
    // Not known of a model that was never loaded.
    max_input_tokens: window,
    max_tokens: window,
    loaded: state.state === 'ready',
  }
}
