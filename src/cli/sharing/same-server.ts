/** Whether a server that runs is the one that a terminal would start: the same files, loaded in the same way. */

import { createHash } from 'node:crypto'
import { readdirSync, statSync } from 'node:fs'
import { basename, dirname, join, resolve } from 'node:path'
import { demoModel } from '../../models/demo-model.js'
import { findModel } from '../../models/find-model.js'
import { realPath } from '../../models/real-path.js'
import { changeParts, partsOf } from '../config/list-value.js'
import { type SettingName, type Settings, setting, settingNames } from '../config/settings-table.js'
import type { ModelAt } from '../serving/running-servers.js'

/**
 * They say which model that is, how Claude Code is started and where a log goes; a key is the terminal's own. All others
 * make a server, so that one who asks for a shorter window or a request log gets it.
 */
const notOfServer: SettingName[] = [
  'model',
  'models',
  'modelsDir',
  'pull',
  'port',
  'apiKey',
  'apiKeyFile',
  'keepAlive',
  'claudePath',
  'logLevel',
  'logFormat',
  'logMaxSize',
  'logFiles',
  'force',
]

/** Those that are set, by their keys. A file or folder is the same by whatever path and name, and from whatever folder. */
export function settingsOfServer(settings: Settings): Record<string, unknown> {
  const names = settingNames.filter((name) => !notOfServer.includes(name) && settings[name] !== undefined)
  return Object.fromEntries(
    names.map((name) => {
      const value = settings[name]
      const about = setting(name)
      if (name === 'smallModel') return [about.key, folderOf(String(value), settings)]
      const place = (path: string) => (about.of?.includes(path) ? path : placeOf(path))
      return [about.key, about.kind === 'path' ? changeParts(about, String(value), place) : value]
    }),
  )
}

/** Also of a file that is not there yet, such as a log. */
function placeOf(path: string): string {
  const absolute = resolve(path)
  return realPath(join(realPath(dirname(absolute)), basename(absolute)))
}

/** Of a model that is not there, what it was asked for by. */
function folderOf(model: string, { modelsDir }: Pick<Settings, 'modelsDir'>): string {
  try {
    return realPath(findModel(model, { modelsDir, demo: demoModel }).path)
  } catch {
    return model
  }
}

/** The keys of the settings that differ, sorted. */
export function differences(one: Record<string, unknown>, other: Record<string, unknown>): string[] {
  const keys = [...new Set([...Object.keys(one), ...Object.keys(other)])].sort()
  return keys.filter((key) => JSON.stringify(one[key]) !== JSON.stringify(other[key]))
}

/** What a terminal would start. */
export interface Wanted extends ModelAt {
  /** The folders of what else requests may name. A server may have more. */
  models: string[]
}

export function wantedServer(path: string, settings: Settings, env = process.env): Wanted {
  const models = partsOf(settings.models).map((model) => folderOf(model, settings))
  return { ...modelAt(path, settings, env), models }
}

export function modelAt(path: string, settings: Settings, env = process.env): ModelAt {
  // Who asks for that file wants to find the own prompts in it.
  const debug = env.TETHER_DEBUG === '1' ? { TETHER_DEBUG: '1' } : {}
  const adapters = partsOf(settings.adapter).map((folder) => resolve(folder))
  const stamp = [path, ...adapters].map(modelStamp).join('-')
  return { path: realPath(path), stamp, settings: { ...settingsOfServer(settings), ...debug } }
}

/** Changes when a file of the model does, as after another pull. */
export function modelStamp(path: string): string {
  const hash = createHash('sha256')
  for (const name of namesIn(path)) {
    const { size, mtimeMs } = statSync(join(path, name), { throwIfNoEntry: false }) ?? { size: 0, mtimeMs: 0 }
    hash.update(`${name}/${size}/${mtimeMs}\n`)
  }
  return hash.digest('hex').slice(0, 16)
}

/** What cannot be read, loading will say. */
function namesIn(path: string): string[] {
  try {
    return readdirSync(path).sort()
  } catch {
    return []
  }
}
