/** The command `tether`: arguments in, exit status out. Every error ends here, as one line. */
import { TetherError } from '../errors.js'
import { readArgs, UsageError } from './args.js'
import { help } from './help.js'
import { version } from './package.js'
import { exitStatus, Interrupted } from './signals.js'
import type { Library } from './start-server.js'

export interface MainOptions {
  /** npm start: go on without Claude Code where there is none. */
  start?: boolean
  /** Instead of the real one, in tests. */
  library?: () => Promise<Library>
}

/** Never rejects. */
export async function main(argv: string[], options: MainOptions = {}): Promise<number> {
  const { start = false, library = () => import('../index.js') } = options
  try {
    const invocation = readArgs(argv)
    if (invocation.kind === 'help') return print(help(version()))
    if (invocation.kind === 'version') return print(`tether ${version()}\n`)
    const { run } = await import('./run.js')
    return await run(invocation.options, { library, start })
  } catch (error) {
    return failed(error, argv)
  }
}

function print(text: string): number {
  process.stdout.write(text)
  return 0
}

function failed(error: unknown, argv: string[]): number {
  const debug = wantsDebug(argv)
  if (error instanceof UsageError) {
    complain(`${error.message}\nSee tether --help.`)
    return 2
  }
  // A load that was under way goes on in its thread: what waits for it would keep the process here.
  if (error instanceof Interrupted) process.exit(exitStatus(error.signal))
  if (error instanceof TetherError) complain(debug ? stackOf(error) : error.message)
  else if (debug) complain(`unexpected error: ${stackOf(error)}`)
  else complain(`unexpected error: ${messageOf(error)}; --log-level debug shows where it comes from`)
  return 1
}

function complain(text: string): void {
  process.stderr.write(`tether: ${text}\n`)
}

/** By sight: the arguments may be what could not be read. */
function wantsDebug(argv: string[]): boolean {
  const end = argv.indexOf('--')
  return /(^| )--log-level[= ]debug( |$)/i.test((end < 0 ? argv : argv.slice(0, end)).join(' '))
}

function messageOf(error: unknown): string {
  return (error instanceof Error ? error.message : String(error)).split('\n')[0] ?? ''
}

function stackOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  const cause = error.cause instanceof Error ? `\ncaused by ${stackOf(error.cause)}` : ''
  return `${error.stack ?? error.message}${cause}`
}
