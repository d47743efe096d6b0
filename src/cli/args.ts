/** The command line: what may stand on it, and what was meant by it. */
import { homedir } from 'node:os'
import { join } from 'node:path'
import { type ArgsDef, parseArgs } from 'citty'
import { nearest } from './nearest.js'
import { parseSize } from './size.js'

/** From the fewest lines to the most. */
export const logLevels = ['silent', 'error', 'warn', 'info', 'debug'] as const
export type LogLevel = (typeof logLevels)[number]

export interface Options {
  /** A path, or a name under `modelsDir`. */
  model?: string
  /** Default: ~/.tether/models. */
  modelsDir?: string
  host: string
  port: number
  /** Whether the port was asked for, so that another one would be a surprise. */
  portAsked: boolean
  serveOnly: boolean
  claudePath?: string
  /** Bytes. */
  memoryCap?: number
  /** Tokens; 0: the checkpoint's own window. */
  maxContext: number
  /** Of one matrix product on a CPU; 0: half of the cores. */
  threads: number
  logLevel?: LogLevel
  /** What is Claude Code's own, untouched. */
  claudeArgs: string[]
}

export type Invocation = { kind: 'help' } | { kind: 'version' } | { kind: 'run'; options: Options }

/** A command line that makes no sense. The message says which part and the fix. */
export class UsageError extends Error {
  override readonly name = 'UsageError'
}

/** What the window is at the most, unless another is asked for: Claude Code does well with it, and memory lasts. */
const defaultContext = 65_536

/** Also the order in which --help shows them. */
export const flags = {
  model: {
    type: 'string',
    valueHint: 'PATH_OR_NAME',
    description: 'a model folder, or a name in the models folder',
  },
  'models-dir': { type: 'string', valueHint: 'DIR', description: 'where names are looked up (~/.tether/models)' },
  'memory-cap': {
    type: 'string',
    valueHint: 'SIZE',
    description: 'most memory to take: 18GB, 20GiB; 0: no cap (75%)',
  },
  'max-context': {
    type: 'string',
    valueHint: 'N',
    description: `most tokens of prompt and answer (${defaultContext}; 0: the model's own)`,
  },
  threads: { type: 'string', valueHint: 'N', description: 'CPU threads of a matrix product (half of the cores)' },
  host: { type: 'string', valueHint: 'ADDRESS', description: 'address to listen on (127.0.0.1)' },
  port: { type: 'string', valueHint: 'N', description: 'port to listen on (8080, or the next free one)' },
  'serve-only': { type: 'boolean', description: 'no Claude Code (the same as --no-claude)' },
  claude: { type: 'boolean', default: true },
  'claude-path': { type: 'string', valueHint: 'FILE', description: 'which claude to run' },
  'log-level': { type: 'string', valueHint: 'LEVEL', description: logLevels.join(', ') },
  version: { type: 'boolean', alias: 'v', description: 'print the version' },
  help: { type: 'boolean', alias: 'h', description: 'print this' },
} as const satisfies ArgsDef

/** Throws UsageError. */
export function readArgs(argv: string[]): Invocation {
  // citty takes a -- for a value and looks for its own flags behind it, so it never sees one.
  const end = argv.indexOf('--')
  const own = end < 0 ? argv : argv.slice(0, end)
  const claudeArgs = end < 0 ? [] : argv.slice(end + 1)
  if (own.includes('--help') || own.includes('-h')) return { kind: 'help' }
  if (own.includes('--version') || own.includes('-v')) return { kind: 'version' }

  checkWords(own)
  const args = parseArgs<typeof flags>(own, flags)
  const serveOnly = args['serve-only'] === true || args.claude === false
  if (serveOnly && claudeArgs.length > 0) {
    throw new UsageError(`--serve-only starts no Claude Code, so nothing can be passed to it: ${claudeArgs.join(' ')}`)
  }
  const options: Options = {
    model: args.model,
    modelsDir: args['models-dir'] === undefined ? undefined : expandHome(args['models-dir']),
    host: args.host ?? '127.0.0.1',
    port: args.port === undefined ? 8080 : wholeNumber('port', args.port, 0, 65535),
    portAsked: args.port !== undefined,
    serveOnly,
    claudePath: args['claude-path'] === undefined ? undefined : expandHome(args['claude-path']),
    memoryCap: args['memory-cap'] === undefined ? undefined : size('memory-cap', args['memory-cap']),
    maxContext: wholeNumber('max-context', args['max-context'] ?? String(defaultContext), 0),
    threads: wholeNumber('threads', args.threads ?? '0', 0, 1024),
    logLevel: args['log-level'] === undefined ? undefined : level(args['log-level']),
    claudeArgs,
  }
  return { kind: 'run', options }
}

export function expandHome(path: string): string {
  return path === '~' || path.startsWith('~/') ? join(homedir(), path.slice(1)) : path
}

/** citty lets unknown flags and missing values pass; both are mistakes worth a word. */
function checkWords(own: string[]): void {
  for (let i = 0; i < own.length; i++) {
    const word = own[i] as string
    if (!word.startsWith('-') || word === '-') throw new UsageError(`${word} is not expected here${toFlag(word)}`)
    const [name = '', value] = split(word)
    const takes = hintOf(name)
    if (takes === undefined) throw new UsageError(`there is no flag ${name}${toKnown(name)}`)
    if (takes === 'nothing') {
      if (value !== undefined) throw new UsageError(`${name} takes no value`)
      continue
    }
    const given = value ?? own[++i]
    if (!given || (value === undefined && given.startsWith('-'))) {
      throw new UsageError(`${name} needs a value, as in ${name} ${takes}`)
    }
  }
}

function split(word: string): [name: string, value?: string] {
  const equals = word.indexOf('=')
  return equals < 0 ? [word] : [word.slice(0, equals), word.slice(equals + 1)]
}

/** The hint of a flag's value, `nothing` for a switch, undefined for what is no flag. */
function hintOf(flag: string): string | undefined {
  if (flag === '--no-claude') return 'nothing'
  if (flag === '--claude' || !flag.startsWith('--')) return undefined
  const name = flag.slice(2)
  if (!Object.hasOwn(flags, name)) return undefined
  const definition = flags[name as keyof typeof flags]
  return 'valueHint' in definition ? definition.valueHint : 'nothing'
}

function toKnown(flag: string): string {
  const names = Object.keys(flags).map((name) => (name === 'claude' ? '--no-claude' : `--${name}`))
  const near = nearest(flag.toLowerCase().replaceAll('_', '-'), names)
  return near ? `; did you mean ${near}?` : `; flags of Claude Code go behind --, as in: tether -- ${flag}`
}

function toFlag(word: string): string {
  if (word === 'serve') return '; did you mean --serve-only?'
  return `; name a model with --model ${word}, or pass it to Claude Code behind --`
}

function wholeNumber(name: string, text: string, least: number, most = Number.MAX_SAFE_INTEGER): number {
  const number = /^\d+$/.test(text) ? Number(text) : Number.NaN
  if (number >= least && number <= most) return number
  const range = most === Number.MAX_SAFE_INTEGER ? `from ${least} up` : `from ${least} to ${most}`
  throw new UsageError(`--${name} must be a whole number ${range}, not ${text}`)
}

function size(name: string, text: string): number {
  const bytes = parseSize(text)
  if (bytes !== undefined) return bytes
  throw new UsageError(`--${name} must be a size such as 18GB, 20GiB or 18000000000, not ${text}`)
}

function level(text: string): LogLevel {
  const name = text.toLowerCase() === 'warning' ? 'warn' : text.toLowerCase()
  const found = logLevels.find((known) => known === name)
  if (found) return found
  throw new UsageError(`--log-level must be one of ${logLevels.join(', ')}, not ${text}`)
}
