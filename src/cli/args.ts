/** The command line: which command, what it is to work on, and which settings it changes for this once. */
import { type ArgsDef, parseArgs } from 'citty'
import { nearest } from '../models/nearest.js'
import { type AnyFlag, type CommandName, command, commands, type Flag, flagsOf } from './command-table.js'
import { readValue } from './config/setting-value.js'
import { type Layer, type SettingName, setting } from './config/settings-table.js'

export interface Call {
  command: CommandName
  /** The words that are no flags, such as the repository of `pull`. */
  words: string[]
  /** Settings that flags set. */
  settings: Layer
  /** The command's own flags that were given, without dashes; `true` for a switch. */
  flags: Record<string, string | true>
  /** Behind the first --: Claude Code's own, untouched. */
  claudeArgs: string[]
}

export type Invocation = { kind: 'help'; command: CommandName } | { kind: 'version' } | { kind: 'call'; call: Call }

/** A command line that makes no sense. The message says which part and the fix. */
export class UsageError extends Error {
  override readonly name = 'UsageError'
}

/** Throws UsageError. */
export function readArgs(argv: string[]): Invocation {
  // citty takes a -- for a value and looks for its own flags behind it, so it never sees one.
  const end = argv.indexOf('--')
  const own = end < 0 ? argv : argv.slice(0, end)
  const claudeArgs = end < 0 ? [] : argv.slice(end + 1)
  const [first, ...others] = own
  if (first === 'help') return { kind: 'help', command: helpAbout(others[0]) }
  const [name, rest]: [CommandName, string[]] = isCommand(first) ? [first, others] : ['run', own]
  if (rest.includes('--help') || rest.includes('-h')) return { kind: 'help', command: name }
  if (name === 'run' && (rest.includes('--version') || rest.includes('-v'))) return { kind: 'version' }

  const { settings, flags, words } = readWords(name, rest)
  checkCount(name, words)
  if (claudeArgs.length > 0 && (name !== 'run' || flags['serve-only'] || flags['no-claude'] || flags.list)) {
    const what = name === 'run' ? (flags.list ? '--list' : '--serve-only') : `tether ${name}`
    throw new UsageError(`${what} starts no Claude Code, so nothing can be passed to it: ${claudeArgs.join(' ')}`)
  }
  return { kind: 'call', call: { command: name, words, settings, flags, claudeArgs } }
}

/** A flag, as in `help --model`, stands among those of tether itself. */
function helpAbout(word: string | undefined): CommandName {
  if (word === undefined || word.startsWith('-') || word === 'run') return 'run'
  if (isCommand(word)) return word
  const near = nearest(word, Object.keys(commands))
  throw new UsageError(`${word} is no command${near ? `; did you mean tether help ${near}?` : ''}`)
}

function isCommand(word: string | undefined): word is CommandName {
  return word !== undefined && word !== 'run' && Object.hasOwn(commands, word)
}

/** citty lets unknown flags and missing values pass; both are mistakes worth a word, and are found before it reads. */
function readWords(name: CommandName, rest: string[]): Pick<Call, 'settings' | 'flags' | 'words'> {
  const known = flagsOf(name)
  checkWords(name, rest, known)
  const definition: ArgsDef = {}
  for (const [flag, { hint }] of known) definition[flag.slice(2)] = { type: hint ? 'string' : 'boolean' }
  const args: Record<string, unknown> & { _: string[] } = parseArgs(rest, definition)
  const settings: Layer = {}
  const flags: Call['flags'] = {}
  for (const [flag, about] of known) {
    // citty reads a flag that begins with no- as the opposite of another one.
    const given = flag === '--no-claude' ? rest.includes(flag) || undefined : args[flag.slice(2)]
    if (given === undefined || given === false) continue
    if (about.setting) Object.assign(settings, { [about.setting]: settingValue(flag, about.setting, given) })
    else flags[flag.slice(2)] = given === true ? true : choice(flag, about, String(given))
  }
  return { settings, flags, words: args._ }
}

function checkWords(name: CommandName, rest: string[], known: Map<string, AnyFlag>): void {
  for (let i = 0; i < rest.length; i++) {
    const word = rest[i] as string
    if (!word.startsWith('-') || word === '-') {
      if (command(name).words.length === 0) throw new UsageError(unexpected(name, word))
      continue
    }
    const [flag, value] = split(word)
    const about = known.get(flag)
    if (!about) throw new UsageError(`${flag} is not a flag of ${title(name)}${meant(name, flag, known)}`)
    if (!about.hint) {
      if (value !== undefined) throw new UsageError(`${flag} takes no value`)
      continue
    }
    const given = value ?? rest[++i]
    if (!given || (value === undefined && /^-(?!\d)/.test(given))) {
      throw new UsageError(`${flag} needs a value, as in ${flag} ${about.hint}`)
    }
  }
}

function checkCount(name: CommandName, words: string[]): void {
  const wanted = command(name).words
  const needed = wanted.filter((word) => !word.startsWith('['))
  if (words.length < needed.length) {
    throw new UsageError(`tether ${name} needs ${needed[words.length]}, as in ${command(name).examples[0]?.[0]}`)
  }
  if (words.length > wanted.length) throw new UsageError(`${words[wanted.length]} is not expected after tether ${name}`)
}

function split(word: string): [flag: string, value?: string] {
  const equals = word.indexOf('=')
  return equals < 0 ? [word] : [word.slice(0, equals), word.slice(equals + 1)]
}

function settingValue(flag: string, name: SettingName, given: unknown): unknown {
  const { kind } = setting(name)
  const isNumber = typeof given === 'string' && /^-?(\d+\.?\d*|\.\d+)$/.test(given)
  const value = isNumber && (kind === 'whole' || kind === 'number') ? Number(given) : given
  const read = readValue(name, value)
  if ('value' in read) return read.value
  throw new UsageError(`${flag} must be ${read.expected}, not ${given}`)
}

function choice(flag: string, { of }: Flag, given: string): string {
  if (!of || of.includes(given.toLowerCase())) return of ? given.toLowerCase() : given
  throw new UsageError(`${flag} must be one of ${of.join(', ')}, not ${given}`)
}

function title(name: CommandName): string {
  return name === 'run' ? 'tether' : `tether ${name}`
}

function meant(name: CommandName, flag: string, known: Map<string, Flag>): string {
  const near = nearest(flag.toLowerCase().replaceAll('_', '-'), [...known.keys()])
  if (near) return `; did you mean ${near}?`
  return name === 'run' ? `; flags of Claude Code go behind --, as in: tether -- ${flag}` : ''
}

function unexpected(name: CommandName, word: string): string {
  if (name !== 'run') return `${word} is not expected after tether ${name}`
  const names = Object.keys(commands).filter((known) => known !== 'run')
  const near = nearest(word, [...names, 'serve', 'list', 'help'])
  if (near === 'serve') return `${word} is no command; did you mean --serve-only?`
  if (near === 'list') return `${word} is no command; did you mean --list?`
  if (near) return `${word} is no command; did you mean tether ${near}?`
  return `${word} is no command; name a model with --model ${word}, or pass it to Claude Code behind --`
}
