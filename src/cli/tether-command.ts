/** Commands of tether for the user to paste: quoted, started as this tether was started, with the flags that were given. */
import { type CommandName, commands, flagsOf } from './command-table.js'
import { launcher, type Started, startOfThis } from './launcher.js'
import { quoted } from './terminal/quoted.js'

/** One line for a shell. Print it on a line of its own, indented: such lines are not wrapped. */
export function tetherCommand(words: string[], started: Started = startOfThis()): string {
  return [startOf(words, started), ...words.map(quoted)].join(' ')
}

/** What stands for `tether` in such a line. */
export function startOf(words: string[], started: Started = startOfThis()): string {
  return launcher(started, { read: isRead(words) })
}

/** Whether a shell or a program reads what these words print. */
function isRead(words: string[]): boolean {
  return ['env', 'completion'].includes(words[0] ?? '') || words.includes('--json')
}

/** The flags of the command line as they were given: all, or only some. Without the API key, which is a secret. */
export function givenFlags(isWanted: (flag: string) => boolean = () => true, argv = process.argv): string[] {
  return given(argv, isWanted).flags
}

/** The words of the command line beside its flags, such as `launch codex`, and the flags. */
function given(argv: string[], isWanted: (flag: string) => boolean): { words: string[]; flags: string[] } {
  const all = argv.slice(2)
  const end = all.indexOf('--')
  const own = end < 0 ? all : all.slice(0, end)
  const takesValue = new Set(
    (Object.keys(commands) as CommandName[]).flatMap((name) =>
      [...flagsOf(name)].flatMap(([flag, { hint }]) => (hint ? [flag] : [])),
    ),
  )
  const words: string[] = []
  const flags: string[] = []
  for (let i = 0; i < own.length; i++) {
    const word = own[i] as string
    if (!word.startsWith('-')) {
      words.push(word)
      continue
    }
    const [flag = ''] = word.split('=')
    const value = takesValue.has(flag) && !word.includes('=') ? own[++i] : undefined
    if (flag === '--api-key' || value === '-' || !isWanted(flag)) continue
    flags.push(word, ...(value === undefined ? [] : [value]))
  }
  return { words, flags }
}

/** The command line of a run again, with `add` in place of the flags `drop`. */
export function runAgain({ drop, add }: { drop: string[]; add: string[] }, argv = process.argv): string {
  const end = argv.indexOf('--')
  const passed = end >= 0 ? argv.slice(end) : []
  const { words, flags } = given(argv, (flag) => !drop.includes(flag))
  return tetherCommand([...words, ...flags, ...add, ...passed])
}

/** This command line with another model in place of the one that it names. Without the API key, which is a secret. */
export function withModel(asked: string, name: string, argv = process.argv): string {
  const words = argv.slice(2)
  const end = words.indexOf('--')
  const own = (end < 0 ? words : words.slice(0, end)).filter(
    (word, i, all) => word !== '--api-key' && !word.startsWith('--api-key=') && all[i - 1] !== '--api-key',
  )
  const at = own.findLastIndex((word) => word === asked || word === `--model=${asked}`)
  // The configuration names it.
  if (at < 0) own.push('--model', name)
  else own[at] = own[at] === asked ? name : `--model=${name}`
  return tetherCommand([...own, ...(end < 0 ? [] : words.slice(end))])
}

/** A command that finds models where this tether does. */
export function commandForModels(words: string[]): string {
  return tetherCommand([...words, ...givenFlags((flag) => flag === '--models-dir')])
}

/**
 * Commands of messages about a model that this flag names, for `ModelPlaces`: where they say how to name it in full, that is this
 * command line with what `value` makes of the full name.
 */
export function commandNaming(flag: string, value = (name: string) => name): (words: string[]) => string {
  return (words) => {
    const [first, name] = words
    if (first !== '--model' || name === undefined) return commandForModels(words)
    return runAgain({ drop: [flag], add: [flag, value(name)] })
  }
}
