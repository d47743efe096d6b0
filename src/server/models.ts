/**
 * GET /v1/models: the models that there are, loaded or not, each with those of its adapters that are known, with the fields of
 * Anthropic's API and of OpenAI's. Requests that name none of them are answered by the first.
 */
import { TetherError } from '../errors.js'
import { fail } from '../turn/request-fields.js'
import { json } from './body.js'
import type { HouseModel, ModelHouse } from './house-types.js'
import type { SeenModel } from './loading.js'

/** Throws `invalid_request` for a part of the list that there cannot be. */
export function models(house: ModelHouse, { url }: Pick<Request, 'url'>): Response {
  const { data, has_more } = partOf(described(house), new URL(url).searchParams)
  return json({ object: 'list', data, has_more, first_id: data[0]?.id ?? null, last_id: data.at(-1)?.id ?? null })
}

/** The part of the list that a request asks for, as Anthropic's clients do. All of it where it does not. */
function partOf<Model extends { id: string }>(all: Model[], asked: URLSearchParams) {
  const limit = readLimit(asked.get('limit')) ?? all.length
  const place = (name: string) => {
    const id = asked.get(name)
    const found = all.findIndex((model) => model.id === id)
    return id === null || found >= 0 ? found : fail(name, `there is no model named ${id}`)
  }
  const end = place('before_id')
  if (end >= 0) return { data: all.slice(Math.max(0, end - limit), end), has_more: end > limit }
  const start = place('after_id') + 1
  return { data: all.slice(start, start + limit), has_more: start + limit < all.length }
}

function readLimit(text: string | null): number | undefined {
  if (text === null) return undefined
  return /^\d{1,9}$/.test(text) && Number(text) > 0
    ? Number(text)
    : fail('limit', 'Input should be a whole number above 0')
}

export function oneModel(house: ModelHouse, id: string): Response {
  const all = described(house)
  const one = all.find((model) => model.id === id)
  if (one) return json(one)
  const names = all.map((model) => model.id).join(', ')
  const loaded = all.length === 1 ? 'The loaded model is' : 'The loaded models are'
  const why = house.isOne ? `is loaded. ${loaded} ${names}.` : `is here. There are ${names}.`
  throw new TetherError('model_not_found', `no model named ${id} ${why}`)
}

/** A model has a name for each of its adapters. One that is another model's own name means that model. */
function described(house: ModelHouse) {
  const all = house.all()
  const own = all.map(({ name }) => name)
  return all.flatMap((model) => {
    const seen = seenOf(model)
    const others = model.names.filter((name) => !own.includes(name))
    return [model.name, ...others].map((name) => describe(name, model.state.state === 'ready', seen))
  })
}

function seenOf({ state }: HouseModel): SeenModel | undefined {
  return state.state === 'ready' ? state.model : state.state === 'unloaded' ? state.seen : undefined
}

function describe(name: string, loaded: boolean, seen: SeenModel | undefined) {
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
    loaded,
  }
}
