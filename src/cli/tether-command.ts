/** Commands of tether for the user to paste: quoted, started as this tether was started, with the flags that were given. */
import { basename, join, resolve } from 'node:path'
import { type CommandName, commands, flagsOf } from './command-table.js'
import { packageRoot } from './package.js'
import { quoted } from './terminal/quoted.js'

const root = resolve(packageRoot)

type Env = Record<string, string | undefined>

/** One line for a shell. Print it on a line of its own, indented: such lines are not wrapped. */
export function tetherCommand(words: string[], argv = process.argv, env: Env = process.env): string {
  // A shell evaluates what env prints, and npm start prints lines of its own.
  const isNpm = basename(argv[1] ?? '') === 'start.mjs'
  const start = isNpm && words[0] === 'env' ? `node ${quoted(join(root, 'bin', 'tether.mjs'))}` : launcher(argv, env)
  return [start, ...words.map(quoted)].join(' ')
}

/** What starts tether again: `tether`, or what stood for it. */
function launcher(argv: string[], env: Env): string {
  const program = argv[1] ?? ''
  if (basename(program) === 'start.mjs') {
    const isElsewhere = env.INIT_CWD !== undefined && resolve(env.INIT_CWD) !== root
    return isElsewhere ? `npm --prefix ${quoted(root)} start --` : 'npm start --'
  }
  if (basename(program) === 'tether.mjs') return `node ${quoted(program)}`
  // npm's variables reach everything that npx started, such as the shells in Claude Code; so the program counts too.
  if (env.npm_lifecycle_event !== 'npx' || !program.includes('node_modules/.bin')) return 'tether'
  // npx keeps what is in no project in a folder of its own, and finds it there by the package's name alone.
  return program.includes('/_npx/') ? 'npx @tether/mlx' : 'npx tether'
}

/** The flags of the command line as they were given: all, or only some. Without the API key, which is a secret. */
export function givenFlags(only?: string[], argv = process.argv): string[] {
  const words = argv.slice(2)
  const end = words.indexOf('--')
  const own = end < 0 ? words : words.slice(0, end)
  const takesValue = new Set(
    (Object.keys(commands) as CommandName[]).flatMap((name) =>
      [...flagsOf(name)].flatMap(([flag, { hint }]) => (hint ? [flag] : [])),
    ),
  )
  const given: string[] = []
  for (let i = 0; i < own.length; i++) {
    const word = own[i] as string
    if (!word.startsWith('-')) continue
    const [flag = ''] = word.split('=')
    const value = takesValue.has(flag) && !word.includes('=') ? own[++i] : undefined
    if (flag === '--api-key' || only?.includes(flag) === false) continue
    given.push(word, ...(value === undefined ? [] : [value]))
  }
  return given
}

/** A command that finds models where this tether does. */
export function commandForModels(words: string[]): string {
  return tetherCommand([...words, ...givenFlags(['--models-dir'])])
}
