/** Reads the command line: the command, its words, its flags, and the settings that flags change for this run. */
import { type ArgsDef, parseArgs } from 'citty'
import { nearest } from '../nearest.js'
import type { Flag } from './command.js'
import { type AnyFlag, type CommandName, command, commands, flagsOf } from './command-table.js'
import { readValue } from './config/setting-value.js'
import { type Layer, type SettingName, setting } from './config/settings-table.js'
import { helpOnVerb, listVerbs } from './known-verbs.js'
import { type Line, unexpectedWord, unknownFlag, wordsFault } from './mistakes.js'
import { tetherCommand } from './tether-command.js'

export interface Call {
  command: CommandName
  /** Arguments that are not flags, such as the repository of `pull`. */
  words: string[]
  /** Settings that flags set. */
  settings: Layer
  /** The command's own flags that were given, without dashes; `true` for a switch. */
  flags: Record<string, string | true>
  /** Everything after the first --, for Claude Code or another agent. */
  claudeArgs: string[]
}

export type Invocation =
  /** `short`: at most a screen. */
  | { kind: 'help'; command: CommandName; short?: true }
  /** Help of a line or two. */
  | { kind: 'note'; text: string }
  | { kind: 'version' }
  | { kind: 'call'; call: Call }

/** A mistake on the command line. The message names it and the fix. */
export class UsageError extends Error {
  override readonly name = 'UsageError'
}

/** Throws UsageError. */
export function readArgs(argv: string[]): Invocation {
  // citty reads -- as a value and looks for flags after it, so it gets only what precedes it.
  const end = argv.indexOf('--')
  const own = end < 0 ? argv : argv.slice(0, end)
  const claudeArgs = end < 0 ? [] : argv.slice(end + 1)
  const [first, ...others] = own
  if (first === 'help') return helpAbout(others[0])
  const isList = first !== undefined && listVerbs.includes(first)
  const plain = isList ? ['--list', ...others] : own
  const [name, rest]: [CommandName, string[]] = isCommand(first) ? [first, others] : ['run', plain]
  const verb = first !== undefined && name === 'run' && rest.some((word) => word === '--help' || word === '-h')
  const note = verb ? helpOnVerb(first) : undefined
  if (note !== undefined) return { kind: 'note', text: note }
  if (rest.includes('--help')) return { kind: 'help', command: name }
  if (rest.includes('-h')) return { kind: 'help', command: name, short: true }
  if (name === 'run' && (rest.includes('--version') || rest.includes('-v'))) return { kind: 'version' }

  const known = flagsOf(name)
  const { settings, flags, words } = readWords({ name, rest: spelledOut(rest, known), known, claudeArgs })
  const fault = wordsFault(name, words)
  if (fault !== undefined) throw new UsageError(fault)
  if (name === 'run' && flags.json && !flags.list)
    throw new UsageError(`--json goes with --list:\n  ${tetherCommand(['--list', '--json'])}`)
  const [one, other] = ['attach', 'own', 'serve-only', 'no-claude', 'list'].filter((flag) => flags[flag])
  if (other && (one === 'attach' || one === 'own')) throw new UsageError(`--${one} does not go with --${other}`)
  if (flags['with-drafter'] && flags['no-drafter']) throw new UsageError('--with-drafter does not go with --no-drafter')
  if (
    claudeArgs.length > 0 &&
    name !== 'launch' &&
    (name !== 'run' || flags['serve-only'] || flags['no-claude'] || flags.list)
  ) {
    const what = name === 'run' ? (flags.list ? '--list' : '--serve-only') : `tether ${name}`
    throw new UsageError(`${what} does not start Claude Code, so nothing can be passed to it: ${claudeArgs.join(' ')}`)
  }
  return { kind: 'call', call: { command: name, words, settings, flags, claudeArgs } }
}

/** With the whole names of flags that have a letter. */
function spelledOut(words: string[], known: Line['known']): string[] {
  const named = new Map([...known].flatMap(([flag, { alias }]) => (alias ? [[`-${alias}`, flag]] : [])))
  return words.map((word) => named.get(word) ?? word)
}

/** `help --model` shows the help of tether itself, which lists that flag. */
function helpAbout(word: string | undefined): Invocation {
  if (word === undefined || word.startsWith('-')) return { kind: 'help', command: 'run' }
  if (isCommand(word)) return { kind: 'help', command: word }
  const text = helpOnVerb(word)
  if (text !== undefined) return { kind: 'note', text }
  const near = nearest(word, Object.keys(commands))
  throw new UsageError(`unknown command ${word}${near ? `. Did you mean tether help ${near}?` : ''}`)
}

/** The command that the arguments are for, as far as they can be read. */
export function commandIn([first]: string[]): CommandName {
  return isCommand(first) ? first : 'run'
}

function isCommand(word: string | undefined): word is CommandName {
  return word !== undefined && word !== 'run' && Object.hasOwn(commands, word)
}

/** citty accepts unknown flags and missing values, so both are checked before it parses. */
function readWords(line: Line): Pick<Call, 'settings' | 'flags' | 'words'> {
  checkWords(line)
  const { rest, known } = line
  const definition: ArgsDef = {}
  for (const [flag, { hint }] of known) definition[flag.slice(2)] = { type: hint ? 'string' : 'boolean' }
  const args: Record<string, unknown> & { _: string[] } = parseArgs(rest, definition)
  const settings: Layer = {}
  const flags: Call['flags'] = {}
  const faults: string[] = []
  for (const [flag, about] of known) {
    // citty reads --no-claude as the negation of a flag --claude.
    const given = flag.startsWith('--no-')
      ? rest.includes(flag) || undefined
      : (allOf(flag, about, rest) ?? args[flag.slice(2)])
    if (given === undefined || given === false) continue
    if (about.setting) {
      const read = settingValue(flag, about.setting, given)
      if ('fault' in read) faults.push(read.fault)
      else Object.assign(settings, { [about.setting]: read.value })
    } else flags[flag.slice(2)] = given === true ? true : choice(flag, about, String(given))
  }
  if (faults.length > 0) throw new UsageError(faults.join('\n'))
  return { settings, flags, words: args._ }
}

/** Of a flag that may be given several times, whose values are a list. */
function allOf(flag: string, about: AnyFlag, words: string[]): string | undefined {
  if (about.setting === undefined || !setting(about.setting).list) return undefined
  const values = words.flatMap((word, i) => {
    const [name, value] = split(word)
    return name === flag ? [value ?? words[i + 1] ?? ''] : []
  })
  return values.length > 0 ? values.join(',') : undefined
}

function checkWords(line: Line): void {
  const { name, rest, known } = line
  for (let i = 0; i < rest.length; i++) {
    const word = rest[i] as string
    if (!word.startsWith('-') || word === '-') {
      if (command(name).words.length === 0) throw new UsageError(unexpectedWord(i, line))
      continue
    }
    const [flag, value] = split(word)
    const about = known.get(flag)
    if (!about) throw new UsageError(unknownFlag(flag, line))
    if (!about.hint) {
      if (value !== undefined) throw new UsageError(`${flag} takes no value`)
      continue
    }
    const given = value ?? rest[++i]
    // A single dash is standard input.
    if (!given || (value === undefined && /^-(?![\d])./.test(given))) {
      throw new UsageError(`${flag} needs a value, as in ${flag} ${about.hint}`)
    }
  }
}

function split(word: string): [flag: string, value?: string] {
  const equals = word.indexOf('=')
  return equals < 0 ? [word] : [word.slice(0, equals), word.slice(equals + 1)]
}

function settingValue(flag: string, name: SettingName, given: unknown): { value: unknown } | { fault: string } {
  const { kind } = setting(name)
  const isNumber = typeof given === 'string' && /^-?(\d+\.?\d*|\.\d+)$/.test(given)
  const value = isNumber && (kind === 'whole' || kind === 'number') ? Number(given) : given
  const read = readValue(name, value)
  return 'value' in read ? read : { fault: `${flag} must be ${read.expected}, not ${given}` }
}

function choice(flag: string, { of }: Flag, given: string): string {
  if (!of || of.includes(given.toLowerCase())) return of ? given.toLowerCase() : given
  throw new UsageError(`${flag} must be one of ${of.join(', ')}, not ${given}`)
}
