/** `tether config`: prints the merged settings as TOML, each with its origin. */

import { escapeControls } from '../../one-line.js'
import type { Call } from '../args.js'
import { defaultOf, tomlValue } from '../config/config-template.js'
import { modelTableWarnings } from '../config/model-tables.js'
import { type Config, fromFlag, type Origin } from '../config/read-config.js'
import { durationText, sizeText } from '../config/setting-value.js'
import { flagOf, type SettingName, setting, settingNames } from '../config/settings-table.js'
import { isQuiet, say } from '../terminal/say.js'
import { shortPath } from '../terminal/short-path.js'

/** -> the exit status */
export function runConfig({ flags }: Call, config: Config): number {
  const warnings = isQuiet(config.settings) ? [] : modelTableWarnings(config, config.settings)
  for (const warning of warnings) say(`warning: ${warning}`)
  process.stdout.write(escapeControls(flags.json ? configAsJson(config) : showConfig(config)))
  return 0
}

/** A configuration file that tether could read, except that the API key is hidden. */
export function showConfig(config: Config): string {
  const rows = [
    '# Files, later ones override earlier ones:',
    ...(config.files.length > 0 ? config.files.map((file) => `#   ${shortPath(file)}`) : ['#   no file']),
  ]
  for (const section of ['server', 'model', 'sampling', 'launch']) {
    rows.push('', `[${section}]`)
    const names = settingNames.filter((name) => setting(name).section === section)
    for (const name of names) rows.push(row(name, config.settings[name], config.origins[name]))
  }
  for (const [model, { layer, origins }] of Object.entries(config.perModel)) {
    rows.push('', `[models.${JSON.stringify(model)}]`)
    for (const name of Object.keys(layer) as SettingName[]) rows.push(row(name, layer[name], origins[name] ?? ''))
  }
  return `${rows.join('\n')}\n`
}

/** As JSON: `{ "server.port": { "value": 8080, "from": "built-in" }, … }`. */
export function configAsJson(config: Config): string {
  const entry = (name: SettingName, value: unknown, from: Origin) => ({
    value: shown(name, value),
    from: from === fromFlag ? flagOf(name) : from,
  })
  const all: Record<string, unknown> = {}
  for (const name of settingNames) {
    all[`${setting(name).section}.${setting(name).key}`] = entry(name, config.settings[name], config.origins[name])
  }
  for (const [model, { layer, origins }] of Object.entries(config.perModel)) {
    for (const name of Object.keys(layer) as SettingName[]) {
      all[`models.${JSON.stringify(model)}.${setting(name).key}`] = entry(name, layer[name], origins[name] ?? '')
    }
  }
  return `${JSON.stringify({ files: config.files, settings: all }, null, 2)}\n`
}

const column = 44

function row(name: SettingName, value: unknown, origin: Origin): string {
  const line = `${setting(name).key} = ${tomlValue(shown(name, inUnits(name, value)))}`
  return `${line.padEnd(column)} # ${origin === fromFlag ? flagOf(name) : shortPath(origin)}`
}

/** A size or a time as people write it, where it is one of whole units. */
function inUnits(name: SettingName, value: unknown): unknown {
  if (setting(name).kind === 'duration' && typeof value === 'number') return durationText(value)
  if (setting(name).kind !== 'size' || typeof value !== 'number') return value
  const text = sizeText(value)
  return text === String(value) ? value : text
}

function shown(name: SettingName, value: unknown): unknown {
  if (name === 'apiKey' && value !== undefined) return '(a key, not shown)'
  return typeof value === 'string' ? shortPath(value) : (value ?? defaultOf(name))
}
