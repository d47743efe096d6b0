/** What `tether env --for NAME` prints: variables, and where an agent takes more than these, its program with arguments. */
import { homedir } from 'node:os'
import { join } from 'node:path'
import { makeFolder } from '../../make-folder.js'
import { writePrivate } from '../../write-private.js'
import type { RunningServer } from '../serving/running-servers.js'
import { exportLines, programLine, type Shell } from '../terminal/shell-lines.js'
import { type AgentWiring, type Env, trusting, type Wired } from './agent.js'
import type { ClientName } from './agent-names.js'
import { agents } from './agent-table.js'
import { noProxy } from './no-proxy.js'

export interface ClientOf {
  server: Pick<RunningServer, 'url' | 'key' | 'window' | 'model' | 'certificates'>
  shell: Shell
  inherited: Env
}

/** Writes the agent's files, which have no key in them, into ~/.tether/agents. Throws the error of the file system. */
export function clientLines(
  name: Exclude<ClientName, 'claude'>,
  { server, shell, inherited }: ClientOf,
  folder = join(homedir(), '.tether', 'agents'),
): string {
  const { url, key = 'any', window, model: modelName, certificates } = server
  const wiring = { url, token: key, window, modelName, certificates, folder, inherited }
  const { env, args, files } = wiringOf(name, wiring)
  if (Object.keys(files).length > 0) makeFolder(folder, 0o700)
  for (const [file, content] of Object.entries(files)) writePrivate(join(folder, file), content)
  const variables = { ...env, ...noProxy(inherited, url) }
  const program = name === 'anthropic' || name === 'openai' ? undefined : agents[name].program
  if (shell === 'json') return `${JSON.stringify({ variables, command: program && [program, ...args] }, null, 2)}\n`
  const lines = exportLines(variables, shell)
  return program === undefined || args.length === 0 ? lines : lines + programLine(program, args, shell)
}

function wiringOf(name: Exclude<ClientName, 'claude'>, wiring: AgentWiring): Wired {
  if (name !== 'anthropic' && name !== 'openai') return agents[name].wire(wiring)
  const { url, token, certificates } = wiring
  const trust = trusting(certificates, 'NODE_EXTRA_CA_CERTS', 'SSL_CERT_FILE')
  const env: Record<string, string> =
    name === 'openai'
      ? { OPENAI_BASE_URL: `${url}/v1`, OPENAI_API_KEY: token }
      : { ANTHROPIC_BASE_URL: url, ANTHROPIC_AUTH_TOKEN: token, ANTHROPIC_API_KEY: '' }
  return { env: { ...env, ...trust }, args: [], files: {} }
}
