/** Models of a server with fake engines, in a memory that has room for some of them. */
import { TetherError } from '../../src/errors.js'
import { adapterNames } from '../../src/model/adapters.js'
import type { LoadedModel } from '../../src/model/types.js'
import type { ServedModel } from '../../src/server/resident.js'
import { type FakeEngine, speaks } from './fake-engine.js'
import { fakeModel } from './fake-model.js'

export interface FakeModels {
  /** What happened, in order: `load a`, `close a`. */
  events: string[]
  /** The engines of those that are loaded now. */
  engines: Map<string, FakeEngine>
  /** Loads one as a caller of serve would. */
  open(name: string, adapters?: string[]): LoadedModel
  served(name: string, more?: FakeModelOptions): ServedModel
}

export interface FakeModelOptions {
  engine?: () => FakeEngine
  /** Resolves when it is read. */
  reading?: Promise<void>
  fails?: unknown
  /** What is known of its adapters before it is loaded. */
  adapters?: string[]
}

/** `most`: how many fit at once. */
export function fakeModels(most: number): FakeModels {
  const events: string[] = []
  const engines = new Map<string, FakeEngine>()
  const open = (
    name: string,
    adapters: string[] = [],
    engine = speaks(`I am ${name}`, { control: '<end>' }),
  ): LoadedModel => {
    if (engines.size >= most) throw new TetherError('memory_in_use', 'others have the memory')
    engine.info = { ...engine.info, memory: { weights: 100, cap: 100 * most, perToken: 1 } }
    engines.set(name, engine)
    events.push(`load ${name}`)
    const names = adapterNames(
      name,
      adapters.map((adapter) => ({ name: adapter })),
    )
    const model = fakeModel(engine, { name: names.name, adapters: names })
    return {
      ...model,
      info: { ...model.info, name: names.name, names: names.all },
      async close() {
        if (engines.get(name) !== engine) return
        // What it takes is free only once it is closed.
        await new Promise((resolve) => setTimeout(resolve, 5))
        engines.delete(name)
        events.push(`close ${name}`)
      },
    }
  }
  return {
    events,
    engines,
    open: (name, adapters) => open(name, adapters),
    served: (name, { engine, reading, fails, adapters } = {}) => ({
      name,
      adapters,
      async load({ onProgress }) {
        onProgress?.(0.5)
        await reading
        if (fails) throw fails
        return open(name, adapters, engine?.())
      },
    }),
  }
}
