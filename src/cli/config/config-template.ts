/** config.toml as it is made once: every key with its default, commented out, but for max_context. */
import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { wrap } from '../terminal/wrap.js'
import { type SettingName, setting, settingNames } from './settings-table.js'

const sections: Record<string, string> = {
  server: 'Where the server listens.',
  model: 'Which model, and how much of the machine it gets.',
  sampling: "How tokens are chosen. auto: as the model's own generation_config.json says.",
  launch: 'How Claude Code is started.',
}

export function configTemplate(): string {
  return `${[
    '# tether reads this file first, then every other NN-name.toml beside it, in alphabetical order.',
    '# A later file wins over an earlier one, and a flag over all of them. `tether config` shows the result.',
    '# This file is yours: tether made it once and does not touch it again.',
    ...Object.entries(sections).flatMap(([section, about]) => ['', `# ${about}`, `[${section}]`, ...keysOf(section)]),
    '',
    '# For one model alone, by the name that `tether --list` shows: what it is to do otherwise.',
    '# [models."gemma-4-e2b-it-4bit"]',
    '# temperature = 0.7',
    '# thinking = "off"',
    '',
  ].join('\n')}`
}

/** -> whether it was made now. An existing file, or a folder that cannot be written, is left alone. */
export function writeTemplate(path: string): boolean {
  try {
    mkdirSync(dirname(path), { recursive: true })
    writeFileSync(path, configTemplate(), { flag: 'wx' })
    return true
  } catch {
    // Nothing depends on the file: a home that is read-only is no reason not to start.
    return false
  }
}

function keysOf(section: string): string[] {
  const names = settingNames.filter((name) => setting(name).section === section)
  return names.flatMap((name) => ['', ...wrap(setting(name).help, 100).map((line) => `# ${line}`), keyLine(name)])
}

/** The one key that is set is the seed's: it keeps a small machine from promising a window that it cannot fill. */
function keyLine(name: SettingName): string {
  const line = `${setting(name).key} = ${tomlValue(defaultOf(name))}`
  return name === 'maxContext' ? line : `# ${line}`
}

/** As a file would write it. */
export function defaultOf(name: SettingName): unknown {
  const { default: fallback, kind } = setting(name)
  return fallback ?? (kind === 'text' || kind === 'path' ? '' : 'auto')
}

export function tomlValue(value: unknown): string {
  return typeof value === 'string' ? JSON.stringify(value) : String(value)
}
