/** The config.toml that tether creates once: every key with its default, commented out except max_context. */
import { existsSync, linkSync } from 'node:fs'
import { remove, writeWhole } from '../../write-private.js'
import { wrap } from '../terminal/wrap.js'
import { sizeText } from './setting-value.js'
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
    '# This file is yours: tether created it once and never changes it.',
    ...Object.entries(sections).flatMap(([section, about]) => ['', `# ${about}`, `[${section}]`, ...keysOf(section)]),
    '',
    '# Settings for one model, by the name that `tether --list` shows.',
    '# [models."gemma-4-e2b-it-4bit"]',
    '# temperature = 0.7',
    '# thinking = "off"',
    '',
  ].join('\n')}`
}

/** -> whether it was created. An existing file and a folder that is not writable are left alone. */
export function writeTemplate(path: string): boolean {
  if (existsSync(path)) return false
  const whole = `${path}.${process.pid}.part`
  try {
    // Private: it may get a key.
    writeWhole(whole, configTemplate())
    // Half of it would be a mistake in the configuration, and what another tether has made meanwhile stays.
    linkSync(whole, path)
    return true
  } catch {
    // Nothing depends on this file, so a read-only home does not stop tether.
    return false
  } finally {
    remove(whole)
  }
}

function keysOf(section: string): string[] {
  const names = settingNames.filter((name) => setting(name).section === section)
  return names.flatMap((name) => ['', ...wrap(setting(name).help, 100).map((line) => `# ${line}`), keyLine(name)])
}

/** Only max_context is set: it keeps a small machine from offering a window that it cannot fill. */
function keyLine(name: SettingName): string {
  const line = `${setting(name).key} = ${tomlValue(defaultOf(name))}`
  return name === 'maxContext' ? line : `# ${line}`
}

/** The default, as a file holds it. */
export function defaultOf(name: SettingName): unknown {
  const { default: fallback, kind } = setting(name)
  if (kind === 'size' && typeof fallback === 'number') return sizeText(fallback)
  return fallback ?? (['text', 'key', 'path'].includes(kind) ? '' : 'auto')
}

export function tomlValue(value: unknown): string {
  return typeof value === 'string' ? JSON.stringify(value) : String(value)
}
