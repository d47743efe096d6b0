/** What is said about a word of the command line that is neither a known flag nor expected there. */
import { nearest } from '../nearest.js'
import { type AnyFlag, type CommandName, command, commands } from './command-table.js'
import { insteadOf, listVerbs } from './known-verbs.js'
import { quoted } from './terminal/quoted.js'
import { tetherCommand } from './tether-command.js'

/** The arguments of a command before --, the flags that it knows, and what follows --. */
export interface Line {
  name: CommandName
  rest: string[]
  known: Map<string, AnyFlag>
  claudeArgs: string[]
}

export function unknownFlag(flag: string, line: Line): string {
  const { name, known } = line
  const what = `unknown flag ${flag}${name === 'run' ? '' : ` of tether ${name}`}`
  const near = nearest(flag.toLowerCase().replaceAll('_', '-'), [...known.keys()])
  if (near) return `${what}. Did you mean ${near}?`
  if (name === 'launch') return `${what}. If it is one of the agent's, it goes after --`
  if (name !== 'run') return what
  if (flag === '-m') return `${what}. Did you mean --model?`
  if (flag === '-V') return `${what}. Did you mean -v?`
  if (flag === '--config') return `${what}. Settings are read from ~/.tether/config/config.toml.`
  return `${what}. If it is one of Claude Code's, it goes after --:\n  ${commandForClaude(line)}`
}

/** The same words, with those that tether does not know after the --. */
function commandForClaude(line: Line): string {
  const { ours, theirs } = sorted(line)
  return tetherCommand([...ours, '--', ...theirs, ...line.claudeArgs])
}

/** Flags that tether knows, with their values, and all other words. */
function sorted({ rest, known }: Line): { ours: string[]; theirs: string[] } {
  const ours: string[] = []
  const theirs: string[] = []
  for (let i = 0; i < rest.length; i++) {
    const word = rest[i] as string
    const about = known.get(word.split('=')[0] as string)
    const value = about?.hint && !word.includes('=') ? rest.slice(i + 1, i + 2) : []
    i += value.length
    // A key is a secret, and would be on the screen.
    if (!word.startsWith('--api-key')) (about ? ours : theirs).push(word, ...value)
  }
  return { ours, theirs }
}

export function unexpectedWord(index: number, line: Line): string {
  const { name, rest, claudeArgs } = line
  const word = rest[index] as string
  if (name !== 'run') return `${word} is not expected after tether ${name}`
  const next = rest[index + 1]
  const unknown = `unknown command ${quoted(word)}`
  const instead = insteadOf(word, next?.startsWith('-') ? undefined : next)
  if (instead) return `${unknown}. ${instead}`
  const { ours, theirs } = sorted(line)
  if (ours.includes('--list')) return `${word} is not expected after tether --list`
  const isPrompt = /\s/.test(word) || (theirs.length > 1 && !theirs.some((each) => each.startsWith('-')))
  if (isPrompt) return `${unknown}. To send a prompt:\n  ${tetherCommand([...ours, '--', theirs.join(' ')])}`
  const near = nearest(
    word,
    [...Object.keys(commands), ...listVerbs, 'help'].filter((known) => known !== 'run'),
  )
  if (near) return `${unknown}. Did you mean tether ${near}?`
  const asModel = tetherCommand([...ours, '--model', word, ...(claudeArgs.length > 0 ? ['--', ...claudeArgs] : [])])
  const lines = [asModel, commandForClaude(line)].map((each) => `  ${each}`)
  return [`${unknown}. If it is a model, or a prompt for Claude Code:`, ...lines].join('\n')
}

/** What is wrong with the number of a command's words, or with one that has only a few values. */
export function wordsFault(name: CommandName, words: string[]): string | undefined {
  const { words: wanted, of: choices, examples } = command(name)
  const needed = wanted.filter((word) => !word.startsWith('['))
  if (words.length < needed.length) {
    const example = examples[0]?.[0].split(' ').slice(1) ?? []
    return `tether ${name} needs ${needed[words.length]}, as in\n  ${tetherCommand(example)}`
  }
  if (choices && words[0] !== undefined && !choices.includes(words[0])) {
    const what = (wanted[0] ?? '').replace(/[[\]]/g, '').toLowerCase()
    const fix = choices.length > 1 ? `Use one of: ${choices.join(', ')}` : `Did you mean ${choices[0]}?`
    return `unknown ${what} ${words[0]}. ${fix}`
  }
  const isList = wanted.at(-1)?.endsWith('...')
  return words.length > wanted.length && !isList
    ? `${words[wanted.length]} is not expected after tether ${name}`
    : undefined
}
