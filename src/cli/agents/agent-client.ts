/** Runs an agent other than Claude Code on a server, with its own configuration for this run. */
import { givenFlags, tetherCommand } from '../tether-command.js'
import type { Agent, Env, Wired } from './agent.js'
import { windowWarning } from './agent-window.js'
import { type Client, type OnServer, runOnServer } from './client.js'
import { noProxy } from './no-proxy.js'
import { makePrivateFolder } from './private-folder.js'
import { programVersion } from './program-version.js'

export interface AgentStart {
  /** What `tether launch` calls it. */
  name: string
  agent: Agent
  /** Its program. */
  program: string
  /** From the user, for the agent. */
  args: string[]
}

export function agentClient(start: AgentStart): Client {
  const { agent, program } = start
  const checked = programVersion(program).then(() => undefined)
  // Handled later, when awaited.
  checked.catch(() => {})
  return { title: agent.title, checked, checkWindow() {}, run: (on) => runAgent(start, on) }
}

async function runAgent({ name, agent, program, args }: AgentStart, on: OnServer): Promise<number> {
  const { info, url, certificates, key, picked, say } = on
  const warning = windowWarning(agent, info)
  if (warning !== undefined) say(warning)
  const folder = makePrivateFolder('agent')
  try {
    const about = { url, token: key, window: info.window, modelName: info.name, certificates }
    const wired = agent.wire({ ...about, folder: folder.path, inherited: process.env })
    for (const [file, content] of Object.entries(wired.files)) folder.write(file, content)
    const run = { program, args: [...wired.args, ...args], env: environment(wired, url, process.env) }
    return await runOnServer({ ...run, privateFolder: folder.path }, on, (_, { outputTokens }) => {
      const isConversation = process.stdin.isTTY === true && process.stdout.isTTY === true && args.length === 0
      if (!agent.resume || !isConversation || outputTokens === 0) return
      const named = picked === undefined ? [] : ['--model', picked]
      const words = ['launch', name, ...givenFlags(), ...named, '--', ...agent.resume]
      say(`To resume this conversation:\n  ${tetherCommand(words)}`)
    })
  } finally {
    folder.remove()
  }
}

/** The agent's whole environment. What `wired` leaves empty is unset. */
export function environment({ env }: Pick<Wired, 'env'>, url: string, inherited: Env): Record<string, string> {
  const all = Object.entries({ ...inherited, ...env, ...noProxy(inherited, url) })
  const isUnset = (name: string, value: string | undefined) => value === undefined || (value === '' && name in env)
  return Object.fromEntries(all.filter((entry): entry is [string, string] => !isUnset(...entry)))
}
