/** The LoRA adapters that a model is loaded with, and the names by which requests choose one. */
import { readAdapter } from '../engine/adapter/read-adapter.js'
import type { Adapter } from '../engine/types.js'
import { TetherError } from '../errors.js'
import { oneLine } from '../one-line.js'

/** Throws TetherError: what is wrong with a folder, or that two of them have the same name. */
export function openAdapters(folders: readonly string[]): Adapter[] {
  // A folder may have a name that begins a line or moves a cursor.
  const adapters = folders.map(readAdapter).map((one) => ({ ...one, name: oneLine(one.name) }))
  for (const [i, { name, path }] of adapters.entries()) {
    const other = adapters.slice(0, i).find((one) => one.name === name)
    if (other === undefined) continue
    const what = `the adapters ${other.path} and ${path} have the same name, by which requests choose one`
    throw new TetherError('bad_config', `${what}. Rename a folder.`)
  }
  return adapters
}

/** The names that a model with adapters answers to. */
export interface AdapterNames {
  /** What answers where a request names none of these: `base:adapter` with one adapter, else the model without any. */
  name: string
  /** All names: `name` first. */
  all: string[]
  /**
   * The number of the adapter that this name asks for; 0: none. A name that has nothing to do with this model, or none at
   * all, asks for `name`. Throws `model_not_found` for `base:` and an adapter that is not loaded, also where none is.
   */
  numberOf(model: string | undefined): number
  /** The adapter's own name; undefined for 0. */
  nameOf(number: number): string | undefined
}

export function adapterNames(base: string, adapters: readonly Pick<Adapter, 'name'>[]): AdapterNames {
  const named = adapters.map(({ name }) => `${base}:${name}`)
  const fallback = adapters.length === 1 ? 1 : 0
  const name = named[fallback - 1] ?? base
  const all = [name, ...[base, ...named].filter((one) => one !== name)]
  // Also by the last part of the model's name, as --model takes it.
  const bases = [base, base.split('/').at(-1) ?? base]
  return {
    name,
    all,
    numberOf(model) {
      if (model === undefined) return fallback
      for (const one of bases) {
        if (model === one) return 0
        if (!model.startsWith(`${one}:`)) continue
        const index = adapters.findIndex((adapter) => model === `${one}:${adapter.name}`)
        if (index >= 0) return index + 1
        const what = `${base} has no adapter ${oneLine(model.slice(one.length + 1))}`
        throw new TetherError('model_not_found', `${what}. The names of this model are ${all.join(', ')}.`)
      }
      return fallback
    },
    nameOf: (number) => adapters[number - 1]?.name,
  }
}
