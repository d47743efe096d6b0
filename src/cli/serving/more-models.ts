/** The models of a server beside its first one: what the settings name, found and with the settings of each. */
import { TetherError } from '../../errors.js'
import { configNames, type FoundModel, findModel, type ModelPlaces } from '../../models/find-model.js'
import { oneLine } from '../../one-line.js'
import { partsOf } from '../config/list-value.js'
import type { Config } from '../config/read-config.js'
import type { Settings } from '../config/settings-table.js'

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

/** undefined: no setting names one. Throws `model_not_found`, and `bad_config` for two of one name, before anything is loaded. */
export function moreModels(
  first: FoundModel,
  settings: Settings,
  { config, places }: { config: Pick<Config, 'forOther'>; places: ModelPlaces },
): MoreModels | undefined {
  const named = partsOf(settings.models)
  const small = settings.smallModel && findModel(settings.smallModel, places)
  const found = [...named.map((name) => findModel(name, places)), ...(small ? [small] : [])]
  const others = found.filter(
    ({ path }, i) => path !== first.path && found.findIndex((other) => other.path === path) === i,
  )
  if (others.length === 0) return undefined
  checkNames([first, ...others])
  // All models share one memory: what it may take is for the first one to say.
  const { memoryCap } = settings
  return {
    others: others.map((one) => ({
      found: one,
      settings: { ...config.forOther(configNames(one)).settings, memoryCap },
    })),
    small: small && small.path !== first.path ? servedName(small) : undefined,
  }
}

function checkNames(all: FoundModel[]): void {
  for (const [i, one] of all.entries()) {
    const other = all.slice(0, i).find((before) => servedName(before) === servedName(one))
    if (other === undefined) continue
    const what = `the models ${oneLine(other.path)} and ${oneLine(one.path)} have the same name, by which requests choose one`
    throw new TetherError('bad_config', `${what}. Rename a folder.`)
  }
}

/** What requests call a model. */
export function servedName({ name }: FoundModel): string {
  return oneLine(name)
}
