/** The models of a server: the one that answers whatever is not named otherwise, and those that requests may name. */
import { TetherError } from '../errors.js'
import type { LoadedModel } from '../model/types.js'
import { houseOfSeveral } from './house-of-several.js'
import type { HouseOptions, ModelHouse } from './house-types.js'
import { readyModel, watchLoad } from './loading.js'
import { countsOf, noCounts } from './model-counts.js'
import { createPreparing, type Preparing } from './preparing.js'
import type { ServedModel } from './resident.js'

export function createHouse({ first, progress, models = [], smallModel }: HouseOptions): ModelHouse {
  if (models.length === 0) return houseOfOne(first, progress)
  checkNames(models, smallModel)
  return houseOfSeveral({ first, progress, models, smallModel })
}

function houseOfOne(model: LoadedModel | Promise<LoadedModel>, progress?: () => number): ModelHouse {
  const load = watchLoad(model, progress)
  let preparing: Preparing | undefined
  let isClosed = false
  // Started with the model, so that the first large request need not wait for it. A failed load is answered elsewhere.
  const started = Promise.resolve(model).then((loaded) => {
    if (!isClosed) preparing = createPreparing(loaded)
  })
  started.catch(() => {})
  const counted = () => {
    const state = load()
    return state.state === 'ready' ? countsOf(state.model.stats()) : noCounts
  }
  return {
    isOne: true,
    first: load,
    check: () => void readyModel(load()),
    nameFor: () => '',
    all() {
      const state = load()
      const { name, names } = state.state === 'ready' ? state.model.info : { name: '', names: [] }
      return [{ name, names, state, counts: counted() }]
    },
    preparing: () => preparing,
    use: async () => ({ model: readyModel(load()), preparing, giveBack() {} }),
    counted,
    stop() {
      isClosed = true
      preparing?.close()
    },
    async close() {},
  }
}

function checkNames(models: readonly ServedModel[], smallModel?: string): void {
  const names = models.map(({ name }) => name)
  const twice = names.find((name, i) => names.indexOf(name) !== i)
  if (twice !== undefined) throw new TetherError('bad_config', `models has ${JSON.stringify(twice)} twice`)
  if (smallModel === undefined || names.includes(smallModel)) return
  throw new TetherError('bad_config', `smallModel is ${JSON.stringify(smallModel)}, which is not among models`)
}
