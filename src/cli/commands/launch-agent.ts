/** `tether launch NAME`: finds an agent other than Claude Code, then launches it on a server. */
import type { Agent } from '../agents/agent.js'
import { agentClient } from '../agents/agent-client.js'
import type { AgentName } from '../agents/agent-names.js'
import { agents } from '../agents/agent-table.js'
import { findProgram } from '../agents/find-program.js'
import { offerInstall } from '../agents/offer-install.js'
import { CannotRun } from '../agents/program-version.js'
import { type Call, UsageError } from '../args.js'
import type { Config } from '../config/read-config.js'
import { isQuiet, say } from '../terminal/say.js'
import { tetherCommand } from '../tether-command.js'
import { launch } from './launch.js'
import { pullNamed, runOptions } from './run-options.js'

/** The exit status of a shell for a program that it cannot find. */
const notFound = 127

/** -> the exit status. Throws TetherError, UsageError and Interrupted; no process and no temporary file is left. */
export async function launchAgent(call: Call, config: Config): Promise<number> {
  const name = call.words[0] as AgentName
  const agent = agents[name]
  if (call.settings.claudePath !== undefined) {
    throw new UsageError(`--claude-path is for claude. For the program of ${name}: --program PATH`)
  }
  const options = runOptions(call, config)
  try {
    const program = await choose(agent, call.flags.program as string | undefined)
    if (program === undefined) {
      say(`${agent.title} is not installed. ${hint(agent)}`)
      return notFound
    }
    const stopped = await pullNamed(options)
    if (stopped !== undefined) return stopped
    const client = agentClient({ name, agent, program, args: call.claudeArgs })
    return await launch({ config, options, client, start: false, quiet: isQuiet(options) })
  } catch (error) {
    if (!(error instanceof CannotRun)) throw error
    say(`${error.message}\n${hint(agent)}`)
    return notFound
  }
}

function choose({ title, program, install }: Agent, named: string | undefined): Promise<string | undefined> | string {
  const explicit = named === undefined ? undefined : { file: named, flag: '--program' }
  const find = () => findProgram(program, { explicit, path: process.env.PATH })
  return find() ?? offerInstall({ title, install, find })
}

function hint({ install }: Agent): string {
  const serve = `To run only the server:\n  ${tetherCommand(['serve'])}`
  return `Install it:\n  ${install.join(' ')}\nAlready have it? Pass --program PATH. ${serve}`
}
