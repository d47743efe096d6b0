/** `tether`, `tether launch claude` and `tether serve`: finds Claude Code, then launches it on a server, or only serves. */
import { homedir } from 'node:os'
import { CannotRun } from '../agents/program-version.js'
import { type Call, UsageError } from '../args.js'
import { findClaude } from '../claude/find-claude.js'
import { takeSettings } from '../claude/forwarded-settings.js'
import { installHint, offerClaude, sayHowToGetClaude } from '../claude/install-claude.js'
import { resumeArgs } from '../claude/resume-args.js'
import type { Config } from '../config/read-config.js'
import type { Settings } from '../config/settings-table.js'
import { isQuiet, say } from '../terminal/say.js'
import { givenFlags, tetherCommand } from '../tether-command.js'
import { pullNamed, type RunContext, type RunOptions, runOptions } from './run-options.js'

/** The exit status of a shell for a program that it cannot find. */
const notFound = 127

/** -> the exit status. Throws TetherError and Interrupted; no process and no temporary file is left. */
export async function run(call: Call, config: Config, context: RunContext): Promise<number> {
  try {
    return await launchOrServe(call, config, context)
  } catch (error) {
    if (!(error instanceof CannotRun)) throw error
    say(`${error.message}\n${installHint(otherClaude(config.settings))}`)
    return notFound
  }
}

async function launchOrServe(call: Call, config: Config, context: RunContext): Promise<number> {
  const { start, declined } = context
  if (call.flags.program) {
    throw new UsageError('--program is for other agents. For the program of claude: --claude-path PATH')
  }
  const options = runOptions(call, config)
  const quiet = isQuiet(options)
  // Claude Code would exit at once if it has neither a terminal nor a question.
  const unattended = start && !process.stdin.isTTY && !process.stdout.isTTY && options.claudeArgs.length === 0
  const forwarded = takeSettings(options.claudeArgs)
  const claude = declined ? undefined : await chooseClaude(options)
  if (!options.serveOnly && !claude && !start) {
    sayHowToGetClaude()
    return notFound
  }
  const stopped = await pullNamed(options)
  if (stopped !== undefined) return stopped
  if (claude !== undefined && !unattended) {
    const [{ launch }, { claudeClient }] = await Promise.all([
      import('./launch.js'),
      import('../claude/launch-claude.js'),
    ])
    const client = claudeClient({
      ...{ claude, forwarded },
      commandToResume: (picked) => commandToResume(options, picked),
    })
    return launch({ config, options, client, start, quiet })
  }
  const why = options.serveOnly ? 'asked' : claude ? 'no terminal' : declined ? 'declined' : 'missing'
  const { serve } = await import('./serve.js')
  return serve({ config, options, why, context, quiet })
}

/** Without --model `picked` is named; what the configuration names is found again without it. */
function commandToResume({ claudeArgs }: RunOptions, picked: string | undefined): string {
  const named = picked === undefined ? [] : ['--model', picked]
  return tetherCommand([...givenFlags(), ...named, '--', '--continue', ...resumeArgs(claudeArgs)])
}

async function chooseClaude(options: RunOptions): Promise<string | undefined> {
  if (options.serveOnly) return undefined
  const places = { explicit: options.claudePath, path: process.env.PATH, home: homedir() }
  return findClaude(places) ?? (await offerClaude(() => findClaude(places)))
}

/** The claude that is used without --claude-path, if there is one that runs. */
function otherClaude({ claudePath }: Settings): string | undefined {
  if (claudePath === undefined) return undefined
  try {
    return findClaude({ path: process.env.PATH, home: homedir() })
  } catch (error) {
    if (error instanceof CannotRun) return undefined
    throw error
  }
}
