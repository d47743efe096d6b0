/** The models of a server beside its first one: what the settings name, found and with the settings of each. */
import { basename, resolve } from 'node:path'
import { TetherError } from '../../errors.js'
import { findDraft } from '../../models/find-draft.js'
import { configNames, type FoundModel, findModel, type ModelPlaces } from '../../models/find-model.js'
import { oneLine } from '../../one-line.js'
import { partsOf } from '../config/list-value.js'
import type { Config } from '../config/read-config.js'
import type { Settings } from '../config/settings-table.js'
import { commandForModels, commandNaming } from '../tether-command.js'

/** Plain data: a process can hand it to another. */
export interface MoreModels {
  others: PlannedModel[]
  /** The name of the one for background requests. */
  small?: string
}

export interface PlannedModel {
  found: FoundModel
  /** Those of this model. */
  settings: Settings
}

/**
 * undefined: no setting names one. Before anything is loaded throws `model_not_found`, and `bad_config` for two of one name, of
 * which one may be a model's name with an adapter.
 */
export function moreModels(
  first: FoundModel,
  settings: Settings,
  { config, places }: { config: Pick<Config, 'forOther'>; places: ModelPlaces },
): MoreModels | undefined {
  const named = partsOf(settings.models)
  const small =
    settings.smallModel && findModel(settings.smallModel, { ...places, command: commandNaming('--small-model') })
  const inList = (name: string) =>
    commandNaming('--models', (full) => named.map((one) => (one === name ? full : one)).join(','))
  const found = [
    ...named.map((name) => findModel(name, { ...places, command: inList(name) })),
    ...(small ? [small] : []),
  ]
  const others = found.filter(
    ({ path }, i) => path !== first.path && found.findIndex((other) => other.path === path) === i,
  )
  if (others.length === 0) return undefined
  // All models share one memory: what it may take is for the first one to say.
  const { memoryCap } = settings
  const planned = others.map((one) => {
    const own = config.forOther(configNames(one)).settings
    return {
      found: one,
      settings: { ...own, draft: findDraft(own.draft, { ...places, command: commandForModels }), memoryCap },
    }
  })
  checkNames([{ found: first, settings }, ...planned])
  return { others: planned, small: small && small.path !== first.path ? servedName(small) : undefined }
}

function checkNames(all: PlannedModel[]): void {
  const named = all.flatMap(namesOf)
  for (const [i, { name, what }] of named.entries()) {
    const other = named.slice(0, i).find((before) => before.name === name)
    if (other === undefined) continue
    const both = `${other.what} and ${what} have the same name, ${name}, by which requests choose one`
    throw new TetherError('bad_config', `${both}. Rename a folder.`)
  }
}

/** What requests can name, with what that is. Two adapters of one name are for the loading to refuse, which it does first of all. */
export function namesOf({ found, settings: { adapter } }: PlannedModel): { name: string; what: string }[] {
  const name = servedName(found)
  const folders = [...new Set(partsOf(adapter).map((folder) => resolve(folder)))]
  return [
    { name, what: `the model ${oneLine(found.path)}` },
    ...folders.map((folder) => ({
      name: `${name}:${nameOfAdapter(folder)}`,
      what: `the adapter ${oneLine(folder)} of ${name}`,
    })),
  ]
}

/** What requests call an adapter, behind the name of its model. */
export function nameOfAdapter(folder: string): string {
  return oneLine(basename(folder))
}

/** What requests call a model. */
export function servedName({ name }: FoundModel): string {
  return oneLine(name)
}
