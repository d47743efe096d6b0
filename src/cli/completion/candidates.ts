/** What may stand at the end of a command line: a table lookup, without any file. */
import { type AnyFlag, type CommandName, command, commands, flagsOf } from '../command-table.js'
import { setting } from '../config/settings-table.js'
import { listVerbs } from '../known-verbs.js'

export interface Candidates {
  /** Each with what it means, if that is known. */
  words: [word: string, about?: string][]
  /** Also offer names of models. */
  models?: true
  /** Also offer what is on the disk. */
  paths?: 'files' | 'folders'
  /** What precedes the value in the last word: `--model=`. */
  before?: string
}

/** `words`: those after `tether`; the last is the one at the cursor, which may be empty. */
export function candidates(words: string[]): Candidates {
  const current = words.at(-1) ?? ''
  const done = words.slice(0, -1)
  if (done.includes('--')) return { words: [] }
  const [first] = done
  if (first === 'help') return { words: done.length === 1 ? commandWords() : [] }
  const isCommand = first !== undefined && first !== 'run' && Object.hasOwn(commands, first)
  const name = isCommand ? (first as CommandName) : 'run'
  const flags = flagsOf(name)

  const equals = current.startsWith('--') ? current.indexOf('=') : -1
  if (equals > 0) return { ...valuesOf(flags.get(current.slice(0, equals))), before: current.slice(0, equals + 1) }
  const rest = done.slice(isCommand ? 1 : 0)
  const { waiting, given, count } = readDone(rest, flags)
  if (waiting) return valuesOf(waiting)
  if (current.startsWith('-')) return { words: flagWords(flags, given) }
  if (done.length === 0) return { words: commandWords().concat([['help', 'everything about one command']]) }
  return wordOf(name, count) ?? { words: flagWords(flags, given) }
}

function commandWords(): [string, string][] {
  const own = (Object.keys(commands) as CommandName[]).filter((name) => name !== 'run')
  const lists = listVerbs.map((verb): [string, string] => [verb, 'list the models on this machine'])
  return [...own.map((name): [string, string] => [name, command(name).summary]), ...lists]
}

/** Which flag waits for its value, which flags were given, and how many other words. */
function readDone(words: string[], flags: Map<string, AnyFlag>) {
  const given = new Set<string>()
  let waiting: AnyFlag | undefined
  let count = 0
  for (const word of words) {
    if (waiting) waiting = undefined
    else if (word.startsWith('-')) {
      const [flag = ''] = word.split('=')
      given.add(flag)
      if (!word.includes('=') && flags.get(flag)?.hint) waiting = flags.get(flag)
    } else count++
  }
  return { waiting, given, count }
}

function flagWords(flags: Map<string, AnyFlag>, given: Set<string>): [string, string][] {
  return [...flags].filter(([flag]) => !given.has(flag)).map(([flag, { help }]) => [flag, help])
}

function valuesOf(flag: AnyFlag | undefined): Candidates {
  if (!flag?.hint) return { words: [] }
  const about = flag.setting && setting(flag.setting)
  const among = about?.among?.map(String) ?? []
  const words = [...(flag.of ?? []), ...among].map((word): [string] => [word])
  if (about?.orName || flag.setting === 'model' || flag.setting === 'smallModel' || flag.setting === 'models')
    return { words, models: true, paths: 'folders' }
  if (about?.kind === 'path') return { words, paths: flag.hint === 'DIR' ? 'folders' : 'files' }
  return { words }
}

/** The values of a command's own word; undefined where it has none left. */
function wordOf(name: CommandName, count: number): Candidates | undefined {
  const { words, of } = command(name)
  const last = words.at(-1)
  const word = words[count] ?? (last?.endsWith('...') ? last : undefined)
  if (word === undefined) return undefined
  if (word.includes('MODEL')) return { words: [], models: true, paths: 'folders' }
  return { words: (of ?? []).map((value): [string] => [value]) }
}
