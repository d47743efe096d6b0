/** Warns of tables [models."NAME"] that no model has, or that several share. */
import { configNames, type FoundModel, knownModels, type ModelPlaces } from '../../models/find-model.js'
import { close } from '../../nearest.js'
import { shortPath } from '../terminal/short-path.js'
import type { Config } from './read-config.js'

/** `running`: the model of this run, which may be one by its path. Looks for models only if there are such tables. */
export function modelTableWarnings(
  { perModel }: Pick<Config, 'perModel'>,
  places: ModelPlaces,
  running?: FoundModel,
): string[] {
  const tables = Object.entries(perModel)
  if (tables.length === 0) return []
  const known = knownModels(places)
  const all = running && !known.some(({ path }) => path === running.path) ? [...known, running] : known
  return tables.flatMap(([table, { origins }]) => {
    const owners = all.filter((model) => configNames(model).includes(table))
    const isOne = owners.length === 1 || all.some(({ name }) => name === table) || table === 'demo'
    if (isOne) return []
    const at = `${shortPath(Object.values(origins)[0] ?? '')}: [models.${JSON.stringify(table)}]`
    if (owners.length > 1) return `${at} applies to ${owners.map(({ name }) => name).join(' and ')}`
    const [near] = close(
      table,
      all.map(({ name }) => name),
      1,
    )
    return `${at} is not the name of a model here${near ? `. Did you mean ${JSON.stringify(near)}?` : ''}`
  })
}
