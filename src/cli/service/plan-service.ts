/** What a service runs: tether serve with the flags that were given, in a way that needs no terminal and no folder. */
import { homedir } from 'node:os'
import { join, resolve } from 'node:path'
import { expandHome } from '../../models/expand-home.js'
import { isPathOfModel } from '../../models/path-or-name.js'
import { oneLine } from '../../one-line.js'
import { UsageError } from '../args.js'
import { flagsOf } from '../command-table.js'
import { changeParts } from '../config/list-value.js'
import { type SettingName, setting } from '../config/settings-table.js'
import type { Service } from './unit.js'

export interface Asked {
  node: string
  /** tether's own program. */
  program: string
  /** The flags that were given, each value after its flag or its =. */
  flags: string[]
  /** Whether the key was to come from standard input. */
  readsInput?: boolean
  /** Whether the configuration names a model. */
  hasModel: boolean
  env: NodeJS.ProcessEnv
  home?: string
}

/** They say where models are. */
const kept = ['TETHER_MODELS_DIR', 'HF_HOME', 'HF_HUB_CACHE', 'NODE_EXTRA_CA_CERTS']

/** Throws UsageError. */
export function planService({ node, program, flags, readsInput, hasModel, env, home = homedir() }: Asked): Service {
  const words = flags.flatMap((flag) => (/^--[\w-]+=/s.test(flag) ? split(flag) : [flag]))
  if (words.includes('--api-key')) {
    throw new UsageError(
      'a key does not belong into the file of a service: use --api-key-file FILE, or api_key in config.toml',
    )
  }
  if (readsInput) {
    throw new UsageError('a service has no standard input to read a key from: name a file with --api-key-file FILE')
  }
  if (!hasModel) throw new UsageError('a service cannot ask which model: name it with --model, or in config.toml')
  const log = words.includes('--log-file') ? [] : ['--log-file', join(home, '.tether', 'logs', 'service.log')]
  const command = [node, program, 'serve', ...words.map((word, i) => absolute(words[i - 1], word)), ...log]
  const given = kept.flatMap((name) => (env[name] ? [[name, env[name]] as const] : []))
  const service = { command, env: { HOME: home, ...Object.fromEntries(given) } }
  for (const word of [...command, ...Object.values(service.env)]) {
    if (oneLine(word) !== word) throw new UsageError(`a service cannot have control characters in it: ${oneLine(word)}`)
  }
  return service
}

function split(flag: string): string[] {
  const at = flag.indexOf('=')
  return [flag.slice(0, at), flag.slice(at + 1)]
}

/** A path may be relative to where the user stands, which a service does not. */
function absolute(flag: string | undefined, word: string): string {
  const name = flag === undefined ? undefined : flagsOf('serve').get(flag)?.setting
  if (name === undefined) return word
  const path = (text: string) => resolve(expandHome(text))
  const about = setting(name)
  const mayName = about.orName || about.kind !== 'path'
  const isPath = (text: string) => !about.of?.includes(text) && (!mayName || isPathOfModel(text))
  if (about.kind !== 'path' && !namesModels.includes(name)) return word
  return changeParts(about, word, (text) => (isPath(text) ? path(text) : text))
}

/** They take a folder too. */
const namesModels: SettingName[] = ['model', 'models', 'smallModel']
