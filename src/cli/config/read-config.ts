/** Merges the layers of settings: flags over drop-ins over config.toml over the environment over built-in values. */
import { homedir } from 'node:os'
import { join } from 'node:path'
import { expandHome } from '../../models/expand-home.js'
import { shortPath } from '../terminal/short-path.js'
import { type ConfigFile, readConfigFiles } from './config-files.js'
import { readValue } from './setting-value.js'
import { type Layer, type SettingName, type Settings, setting, settingNames } from './settings-table.js'

/** Where a setting came from: `built-in`, `flag`, an environment variable's name, or `path:line`. */
export type Origin = string

export interface Config {
  settings: Settings
  origins: Record<SettingName, Origin>
  /** The files that were read, in their order. */
  files: string[]
  warnings: string[]
  /** The settings of a model with these names: flags over its tables [models."NAME"] over everything else. */
  forModel(names: string[]): { settings: Settings; origins: Record<SettingName, Origin> }
  /** The same of a model beside the one of the run: what was made for that one, an adapter or a drafter, is not this one's. */
  forOther(names: string[]): { settings: Settings }
  /** Every model that has a table of its own. */
  perModel: Record<string, { layer: Layer; origins: Record<string, Origin> }>
}

const keyIsSeen =
  'other users of this machine can see the value of --api-key in the list of processes. --api-key-file FILE keeps it private, and --api-key-file - reads it from standard input.'

export const builtIn: Origin = 'built-in'
export const fromFlag: Origin = 'flag'

/** The file and line that set it, as shown to the user; undefined if no file did. */
export function lineThatSets(name: SettingName, { origins }: Pick<Config, 'origins'>): string | undefined {
  return /:\d+$/.test(origins[name]) ? shortPath(origins[name]) : undefined
}

export function configFolder(home = homedir()): string {
  return join(home, '.tether', 'config')
}

export interface ConfigPlaces {
  /** undefined: no files. */
  folder: string | undefined
  env?: Record<string, string | undefined>
}

/** `flags`: what the command line sets. Throws `bad_config` naming file and line. */
export async function readConfig(flags: Layer, places: ConfigPlaces = { folder: configFolder() }): Promise<Config> {
  const { folder, env = process.env } = places
  const files = folder === undefined ? [] : await readConfigFiles(folder)
  const below: [Layer, (name: SettingName) => Origin][] = [
    [defaults(), () => builtIn],
    [fromEnvironment(env), () => 'TETHER_MODELS_DIR'],
    ...files.map(({ layer, lines }): [Layer, (name: SettingName) => Origin] => [
      layer,
      (name) => lines.get(name) ?? '',
    ]),
  ]
  const above: [Layer, (name: SettingName) => Origin] = [flags, () => fromFlag]
  return {
    ...merge([...below, above]),
    files: files.map(({ path }) => path),
    warnings: [...files.flatMap(({ warnings }) => warnings), ...(flags.apiKey === undefined ? [] : [keyIsSeen])],
    forModel: (names) => merge([...below, ...forOne(files, names), above]),
    forOther(names) {
      const general = ([layer, origin]: (typeof below)[number]): (typeof below)[number] => [forAny(layer), origin]
      return merge([...below.map(general), ...forOne(files, names), general(above)])
    },
    perModel: allModels(files),
  }
}

function merge(layers: [Layer, (name: SettingName) => Origin][]): {
  settings: Settings
  origins: Record<SettingName, Origin>
} {
  const settings: Layer = {}
  const origins: Partial<Record<SettingName, Origin>> = {}
  for (const [layer, origin] of layers) {
    for (const name of settingNames) {
      if (!(name in layer)) continue
      Object.assign(settings, { [name]: layer[name] })
      origins[name] = origin(name)
    }
  }
  return { settings: settings as Settings, origins: origins as Record<SettingName, Origin> }
}

function defaults(): Layer {
  const entries = settingNames.map((name) => {
    const { default: fallback, kind } = setting(name)
    return [name, kind === 'path' && typeof fallback === 'string' ? expandHome(fallback) : fallback]
  })
  return Object.fromEntries(entries) as Layer
}

/** TETHER_MODELS_DIR is the only variable that sets a setting. Files override it. */
function fromEnvironment(env: Record<string, string | undefined>): Layer {
  const read = env.TETHER_MODELS_DIR ? readValue('modelsDir', env.TETHER_MODELS_DIR) : undefined
  return read && 'value' in read ? ({ modelsDir: read.value } as Layer) : {}
}

/** Without the folders that only one model can use. */
function forAny({ adapter: _, draft, ...rest }: Layer): Layer {
  return draft === 'auto' || draft === 'off' ? { ...rest, draft } : rest
}

function forOne(files: ConfigFile[], names: string[]): [Layer, (name: SettingName) => Origin][] {
  return files.flatMap(({ perModel, lines }) =>
    names.flatMap((model): [Layer, (name: SettingName) => Origin][] => {
      const layer = Object.hasOwn(perModel, model) ? perModel[model] : undefined
      return layer ? [[layer, (name) => lines.get(`${model}/${name}`) ?? '']] : []
    }),
  )
}

function allModels(files: ConfigFile[]): Config['perModel'] {
  const all: Config['perModel'] = {}
  for (const { perModel, lines } of files) {
    for (const [model, layer] of Object.entries(perModel)) {
      all[model] ??= { layer: {}, origins: {} }
      Object.assign(all[model].layer, layer)
      for (const name of Object.keys(layer)) all[model].origins[name] = lines.get(`${model}/${name}`) ?? ''
    }
  }
  return all
}
