/** The command `tether`: arguments in, exit status out. Every error is printed here, as one line. */
import { messageOf, TetherError } from '../errors.js'
import { type Call, commandIn, readArgs, UsageError } from './args.js'
import { completionEntry, type Shell, serverEntry } from './command-table.js'
import type { Config } from './config/read-config.js'
import { help } from './help.js'
import { version } from './package.js'
import type { Library } from './serving/model-server.js'
import { writeAscii } from './terminal/ascii.js'
import { painter } from './terminal/colour.js'
import { watchOutput } from './terminal/lost-output.js'
import { isQuiet, say } from './terminal/say.js'
import { shortPath } from './terminal/short-path.js'
import { Cancelled, endLine, exitStatus, Interrupted } from './terminal/signals.js'
import { startOf, tetherCommand } from './tether-command.js'

export interface MainOptions {
  /** For npm start: use the demo model if there is no other, and only serve if there is no Claude Code. */
  start?: boolean
  /** The user was asked, and wants no Claude Code: tether only serves, and says how it is reached. */
  declined?: boolean
  /** Tests pass a fake one. */
  library?: () => Promise<Library>
}

const wholeLibrary = () => import('../index.js')

/** Never rejects. */
export async function main(argv: string[], options: MainOptions = {}): Promise<number> {
  const atEnd = watchOutput()
  return atEnd(await answer(argv, options))
}

async function answer(argv: string[], options: MainOptions): Promise<number> {
  const asBefore = writeAscii()
  try {
    if (argv[0] === completionEntry) {
      const { complete } = await import('./completion/complete.js')
      return print(await complete(argv.slice(1)))
    }
    if (argv[0] === serverEntry) {
      const { runServerProcess } = await import('./sharing/server-process.js')
      return await runServerProcess(options.library ?? wholeLibrary)
    }
    const invocation = readArgs(argv)
    if (invocation.kind === 'version') return print(`tether ${version()}\n`)
    if (invocation.kind === 'note') return print(`${invocation.text}\n`)
    if (invocation.kind === 'help') {
      const { command, short } = invocation
      return print(help(command, version(), { short, start: startOf([command]), paint: painter(process.stdout) }))
    }
    return await perform(invocation.call, options)
  } catch (error) {
    return failed(error, argv)
  } finally {
    asBefore()
  }
}

async function perform(call: Call, options: MainOptions): Promise<number> {
  return (await withoutSettings(call)) ?? withSettings(call, options)
}

/** A configuration with a mistake in it is no obstacle to these. undefined: the command needs one. */
async function withoutSettings(call: Call): Promise<number | undefined> {
  switch (call.command) {
    case 'doctor': {
      // It reads the configuration itself, because a broken one is a finding.
      const { runDoctor } = await import('./commands/doctor.js')
      return runDoctor(call)
    }
    case 'completion': {
      const { completionScript } = await import('./completion/scripts.js')
      return print(completionScript(call.words[0] as Shell))
    }
    case 'cache': {
      const { runCache } = await import('./commands/cache.js')
      return runCache(call)
    }
    case 'ps': {
      const { runPs } = await import('./commands/ps.js')
      return runPs(call)
    }
    case 'stop': {
      const { runStop } = await import('./commands/stop.js')
      return runStop(call)
    }
    case 'logs': {
      const { runLogs } = await import('./commands/logs.js')
      return runLogs(call)
    }
    default:
      return undefined
  }
}

async function withSettings(call: Call, options: MainOptions): Promise<number> {
  const config = await configured(call)
  const { start = false, declined = false, library = wholeLibrary } = options
  switch (call.command) {
    case 'config': {
      const { runConfig } = await import('./commands/config.js')
      return runConfig(call, config)
    }
    case 'pull': {
      const { runPull } = await import('./commands/pull.js')
      return runPull({ ...pullFlags(call), model: call.words[0] as string, modelsDir: config.settings.modelsDir })
    }
    case 'recommend': {
      const { runRecommend } = await import('./commands/recommend.js')
      return runRecommend(call, config)
    }
    case 'show': {
      const { runShow } = await import('./commands/show.js')
      return runShow(call, config)
    }
    case 'rm': {
      const { runRm } = await import('./commands/rm.js')
      return runRm(call, config.settings.modelsDir)
    }
    case 'service': {
      const { runService } = await import('./commands/service.js')
      return runService(call, config)
    }
    case 'env': {
      const { runEnv } = await import('./commands/env.js')
      return runEnv(call)
    }
    case 'bench': {
      const { runBench } = await import('./commands/bench.js')
      return runBench(call, config, await library())
    }
    case 'launch':
    case 'serve':
    case 'run': {
      if (call.command === 'launch' && call.words[0] !== 'claude') {
        const { launchAgent } = await import('./commands/launch-agent.js')
        return launchAgent(call, config)
      }
      if (call.flags.list) {
        const { runList } = await import('./commands/list.js')
        return runList(call, config)
      }
      const { run } = await import('./commands/run.js')
      return run(call, config, { library, start, declined })
    }
    default:
      throw new Error(`nobody runs tether ${call.command}`)
  }
}

function pullFlags({ flags, settings }: Call) {
  const drafter = flags['with-drafter'] ? true : flags['no-drafter'] ? false : undefined
  return { revision: flags.revision as string | undefined, drafter, modelsDirGiven: settings.modelsDir !== undefined }
}

/** Merges the files and the flags. Creates config.toml if it is missing. */
async function configured({ settings }: Call): Promise<Config> {
  const [{ writeTemplate }, { configFolder, readConfig }] = await Promise.all([
    import('./config/config-template.js'),
    import('./config/read-config.js'),
  ])
  const path = `${configFolder()}/config.toml`
  const created = writeTemplate(path)
  const config = await readConfig(settings)
  if (isQuiet(config.settings)) return config
  if (created) say(`created ${shortPath(path)}, which explains every setting`)
  for (const warning of config.warnings) say(`warning: ${warning}`)
  return config
}

function print(text: string): number {
  process.stdout.write(text)
  return 0
}

function failed(error: unknown, argv: string[]): number {
  const debug = wantsDebug(argv)
  if (error instanceof UsageError) {
    const about = commandIn(argv)
    say(`${error.message}\nFor help:\n  ${tetherCommand(about === 'run' ? ['--help'] : ['help', about])}`)
    return 2
  }
  // A load in progress continues in its thread and would keep the process alive.
  if (error instanceof Interrupted) {
    endLine(error.signal, { erased: true })
    process.exit(exitStatus(error.signal))
  }
  if (error instanceof Cancelled) return 1
  // A terminal whose folder was deleted under it.
  if ((error as NodeJS.ErrnoException)?.syscall === 'uv_cwd')
    say('the folder that you stand in is gone: cd to another one')
  else if (error instanceof TetherError) say(debug ? stackOf(error) : withoutTag(error.message))
  else if (debug) say(`unexpected error: ${stackOf(error)}`)
  else say(`unexpected error: ${firstLineOf(error)}\nTo see where it comes from, add --log-level debug.`)
  return 1
}

/** Searches the raw arguments, since they may be what could not be parsed. */
function wantsDebug(argv: string[]): boolean {
  const end = argv.indexOf('--')
  return /(^| )--log-level[= ](debug|trace)( |$)/i.test((end < 0 ? argv : argv.slice(0, end)).join(' '))
}

/** The addon says which of its parts an error comes from, as in `[weights] `: that is for its developers. */
function withoutTag(message: string): string {
  return message.replace(/^\[\w+\] /, '')
}

function firstLineOf(error: unknown): string {
  return messageOf(error).split('\n')[0] ?? ''
}

function stackOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  const cause = error.cause instanceof Error ? `\ncaused by ${stackOf(error.cause)}` : ''
  return `${error.stack ?? error.message}${cause}`
}
