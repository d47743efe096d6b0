/** Reads the folder of configuration files: each *.toml is a layer of settings, with the line of each. */
import { readdirSync, readFileSync, statSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import type { AST } from 'toml-eslint-parser'
import { TetherError } from '../../errors.js'
import { nearest } from '../../nearest.js'
import { oneLine } from '../../one-line.js'
import { quoted } from '../terminal/quoted.js'
import { shortPath } from '../terminal/short-path.js'
import { configTemplate } from './config-template.js'
import { readValue } from './setting-value.js'
import { type Layer, type SettingName, setting, settingNames } from './settings-table.js'

/** The content of one file. */
export interface ConfigFile {
  /** Absolute. */
  path: string
  layer: Layer
  /** From the tables [models."NAME"]. */
  perModel: Record<string, Layer>
  /** `path:line` of every setting, by `name`, or by `NAME/name` for one model's. */
  lines: Map<string, string>
  /** A sentence for each unknown key. */
  warnings: string[]
  /** A sentence for each wrong value, or for the first place that is not TOML. */
  faults: string[]
}

/** config.toml first, then the drop-ins in alphabetical order; later files override. Throws `bad_config` with all faults. */
export async function readConfigFiles(folder: string): Promise<ConfigFile[]> {
  const files = await Promise.all(namesIn(folder).map((name) => readConfigFile(join(folder, name))))
  const faults = files.flatMap((file) => file.faults)
  // The warnings too: a mistyped key is often beside a wrong value, and would be the next run's news.
  const warnings = files.flatMap((file) => file.warnings.map((warning) => `warning: ${warning}`))
  if (faults.length > 0) throw new TetherError('bad_config', [...faults, ...warnings].join('\n'))
  return files
}

/** Files that end in .toml and do not begin with a dot. Empty if there is no folder. */
function namesIn(folder: string): string[] {
  let entries: { name: string; isFile(): boolean; isSymbolicLink(): boolean }[]
  try {
    entries = readdirSync(folder, { withFileTypes: true })
  } catch (error) {
    if (['ENOENT', 'ENOTDIR'].includes((error as NodeJS.ErrnoException).code ?? '')) return []
    throw new TetherError('bad_config', `${folder} cannot be read: ${(error as Error).message}`, { cause: error })
  }
  const names = entries
    .filter((entry) => (entry.isFile() || entry.isSymbolicLink()) && /^[^.].*\.toml$/.test(entry.name))
    .map((entry) => entry.name)
    .sort()
  return names.sort((a, b) => Number(b === first) - Number(a === first))
}

const first = 'config.toml'

async function readConfigFile(path: string): Promise<ConfigFile> {
  const file: ConfigFile = { path, layer: {}, perModel: {}, lines: new Map(), warnings: [], faults: [] }
  if (isAsCreated(path)) return asCreated(file)
  const places = await parse(path)
  if (typeof places === 'string') return { ...file, faults: [places] }
  const values = places.length > 0 ? await load(path) : {}
  for (const place of places) readKey(file, place, valueAt(values, place.keys))
  if (file.layer.apiKey !== undefined && isShared(path)) {
    const fix = `To keep it private:\n  chmod 600 ${quoted(path)}`
    file.warnings.push(`${shortPath(path)} has an API key, and other users can read it. ${fix}`)
  }
  return file
}

/** Most people never change the file that tether made. Without the parsers, which take 80 ms to import, it is read at once. */
function isAsCreated(path: string): boolean {
  try {
    return basename(path) === first && readFileSync(path, 'utf8') === configTemplate()
  } catch {
    return false
  }
}

/** It sets one key, to its default. */
function asCreated(file: ConfigFile): ConfigFile {
  const { key, default: value } = setting('maxContext')
  const line =
    1 +
    configTemplate()
      .split('\n')
      .findIndex((text) => text.startsWith(`${key} = `))
  set(file.layer, 'maxContext', value, { file, at: `${file.path}:${line}`, id: 'maxContext', key })
  return file
}

function isShared(path: string): boolean {
  return process.platform !== 'win32' && (statSync(path).mode & 0o077) !== 0
}

interface Place {
  keys: string[]
  line: number
}

function readKey(file: ConfigFile, { keys, line }: Place, value: unknown): void {
  const at = `${file.path}:${line}`
  const [section = '', second = '', third] = keys
  if (section === 'models' && keys.length === 3 && third !== undefined) {
    const name = settingNames.find((candidate) => setting(candidate).perModel && setting(candidate).key === third)
    if (!name) {
      const known = settingNames
        .filter((candidate) => setting(candidate).perModel)
        .map((candidate) => setting(candidate).key)
      const near = nearest(third, known)
      file.warnings.push(
        `${shortPath(at)}: [models] has no key ${oneLine(third)}. ${near ? `Did you mean ${near}?` : oneOf(known)}`,
      )
      return
    }
    file.perModel[second] ??= {}
    set(file.perModel[second], name, value, { file, at, id: `${second}/${name}`, key: third })
    return
  }
  const name = settingNames.find(
    (known) => keys.length === 2 && setting(known).section === section && setting(known).key === second,
  )
  if (name) set(file.layer, name, value, { file, at, id: name, key: second })
  else file.warnings.push(`${shortPath(at)}: unknown key ${shown(keys)}. ${suggestion(keys)}`)
}

function set(
  layer: Layer,
  name: SettingName,
  given: unknown,
  { file, at, id, key }: { file: ConfigFile; at: string; id: string; key: string },
): void {
  // A relative path in a file starts at the file's folder: the working directory may be any project.
  const read = readValue(name, given, dirname(file.path))
  if ('expected' in read) {
    file.faults.push(`${shortPath(at)}: ${key} must be ${read.expected}, not ${JSON.stringify(given) ?? given}`)
    return
  }
  Object.assign(layer, { [name]: read.value })
  file.lines.set(id, at)
}

function shown(keys: string[]): string {
  return oneLine(keys.length > 1 ? `[${keys.slice(0, -1).join('.')}] ${keys.at(-1)}` : String(keys[0]))
}

/** The most similar key, of this section first. */
function suggestion(keys: string[]): string {
  const last = keys.at(-1) ?? ''
  const [section = ''] = keys
  const here = settingNames.filter((name) => setting(name).section === section).map((name) => setting(name).key)
  const all = settingNames.map((name) => setting(name).key)
  const near = nearest(last, here) ?? nearest(last, all)
  const found = settingNames.find(
    (name) => setting(name).key === near && (!here.includes(near) || setting(name).section === section),
  )
  if (found) return `Did you mean [${setting(found).section}] ${setting(found).key}?`
  return here.length > 0 ? oneOf(here) : oneOf(['[server]', '[model]', '[sampling]', '[launch]', '[models."NAME"]'])
}

function oneOf(words: string[]): string {
  return `Use one of: ${words.join(', ')}`
}

function valueAt(values: unknown, keys: string[]): unknown {
  return keys.reduce<unknown>((value, key) => (value as Record<string, unknown> | undefined)?.[key], values)
}

/** Every key with its line; an empty table has none. A sentence if the file is not TOML. */
async function parse(path: string): Promise<Place[] | string> {
  const { parseTOML } = await import('toml-eslint-parser')
  let text = ''
  try {
    text = readFileSync(path, 'utf8')
    const { body } = parseTOML(text, { tomlVersion: '1.0' })
    return body[0].body.flatMap((node) => (node.type === 'TOMLTable' ? inTable(node) : keyOf(node, [])))
  } catch (error) {
    const { lineNumber, message } = error as Error & { lineNumber?: number }
    const at = shortPath(lineNumber === undefined ? path : `${path}:${lineNumber}`)
    const open = text.split('\n', lineNumber).findIndex((line) => /^\s*\[[^\]=]*$/.test(line))
    if (open >= 0) return `${shortPath(`${path}:${open + 1}`)}: missing ] (for a table such as [server])`
    if (lineNumber === undefined) return `${at}: ${oneLine(message)}`
    const isTwice = /multiple times/.test(message)
    return `${at}: ${isTwice ? 'this is set above already. Keep one of the two.' : `${oneLine(message)}. Put text in quotes, and start comments with #.`}`
  }
}

function inTable(table: AST.TOMLTable): Place[] {
  return table.body.flatMap((pair) => keyOf(pair, table.resolvedKey.map(String)))
}

function keyOf(pair: AST.TOMLKeyValue, above: string[]): Place[] {
  const keys = [...above, ...pair.key.keys.map((key) => (key.type === 'TOMLBare' ? key.name : key.value))]
  if (pair.value.type === 'TOMLInlineTable') return pair.value.body.flatMap((inner) => keyOf(inner, keys))
  return [{ keys, line: pair.loc.start.line }]
}

/** Reads this one file. By default c12 also reads, and even runs, files of the working directory: all that is off. */
async function load(path: string): Promise<Record<string, unknown>> {
  const { loadConfig } = await import('c12')
  const { config } = await loadConfig({
    cwd: dirname(path),
    configFile: basename(path),
    configFileRequired: true,
    rcFile: false,
    globalRc: false,
    dotenv: false,
    packageJson: false,
    extend: false,
    envName: false,
    giget: false,
    jitiOptions: { fsCache: false },
  })
  return config
}
