/**
 * Several models of a server. A request for one that is not loaded loads it. Where its memory is missing, models that answer
 * nobody are unloaded, the least recently used first; while all answer, it waits.
 */
import { TetherError } from '../errors.js'
import type { HouseOptions, ModelHouse } from './house-types.js'
import { readyModel, watchLoad } from './loading.js'
import { noCounts, sumOfCounts } from './model-counts.js'
import { Resident } from './resident.js'
import { type ModelNames, resolveModel } from './resolve-model.js'
import { createRoom } from './room.js'

export function houseOfSeveral({ first, progress, models = [], smallModel }: HouseOptions): ModelHouse {
  const watched = watchLoad(first, progress)
  const others = models.map((entry) => new Resident(entry.name, entry))
  /** Known once it is loaded: its name says whether it is one of the others. */
  let main: Resident | undefined
  let isClosed = false
  const settled = Promise.resolve(first).then((model) => {
    if (isClosed) return
    const { name, names } = model.info
    // With a LoRA adapter it is called otherwise, but it is the same.
    main = others.find((one) => names.includes(one.name)) ?? new Resident(name)
    main.settle(model)
  })
  settled.catch(() => {})
  const residents = () => (main && !others.includes(main) ? [main, ...others] : others)
  const room = createRoom(residents)
  const names = (): ModelNames => ({
    first: main?.name ?? '',
    all: residents().map(({ name }) => name),
    small: smallModel,
  })
  const named = (name: string | undefined) => {
    const { model } = resolveModel(name, names())
    const found = residents().find((one) => one.name === model)
    if (!found) throw new TetherError('not_loaded', 'the model is not loaded')
    return found
  }
  return {
    isOne: false,
    first: () => main?.stateOfKnown() ?? watched(),
    check() {
      if (!main) readyModel(watched())
    },
    nameFor: (name) => resolveModel(name, names()).model,
    all: () =>
      residents().map((one) => ({ name: one.name, names: one.names, state: one.state(), counts: one.counted() })),
    preparing: () => main?.home?.preparing,
    async use(name, signal) {
      const wanted = named(name)
      wanted.checkName(name)
      return room.use(wanted, signal)
    },
    counted: () => residents().reduce((sum, one) => sumOfCounts(sum, one.counted()), noCounts),
    stop() {
      isClosed = true
      for (const one of residents()) one.home?.preparing?.close()
      room.stop()
    },
    async close() {
      for (const one of residents()) if (one.canUnload) await one.unload()
    },
  }
}
