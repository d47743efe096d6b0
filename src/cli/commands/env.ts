/** `tether env`: prints the variables that point another terminal, an editor or an SDK at the running server. */
import { Agent, request } from 'undici'
import { TetherError } from '../../errors.js'
import type { ClientName } from '../agents/agent-names.js'
import { type Call, UsageError } from '../args.js'
import { claudeSettings } from '../claude/claude-settings.js'
import { type RunningServer, runningServers } from '../serving/running-servers.js'
import { hangingText } from '../sharing/silent-server.js'
import { canRedraw, say } from '../terminal/say.js'
import { exportLines, type Shell } from '../terminal/shell-lines.js'
import { tetherCommand } from '../tether-command.js'

/** -> the exit status. Throws UsageError, and `no_server` if no server runs (on that port), or the latest does not answer. */
export async function runEnv({ flags }: Call): Promise<number> {
  const port = readPort(flags.port)
  const server = await chooseServer(port)
  const shell = chooseShell(flags.shell as string | undefined, process.env)
  const client = flags.for as ClientName | undefined
  const named = client === undefined ? [] : ['--for', client]
  const again = tetherCommand(['env', ...named, ...(port === undefined ? [] : ['--port', String(port)])])
  if (client === undefined || client === 'claude') {
    process.stdout.write(exportLines(variablesOf(server, process.env), shell))
  } else {
    const { clientLines } = await import('../agents/client-lines.js')
    process.stdout.write(clientLines(client, { server, shell, inherited: process.env }))
  }
  // Only in a terminal: a shell that evaluates the output needs no explanation.
  if (canRedraw(process.stdout)) say(`for ${server.model}. ${usage[shell](again)}`)
  return 0
}

function readPort(given: string | true | undefined): number | undefined {
  if (given === undefined) return undefined
  const port = /^\d{1,5}$/.test(String(given)) ? Number(given) : 0
  if (port >= 1 && port <= 65535) return port
  throw new UsageError(`--port must be a whole number from 1 to 65535, not ${given}`)
}

const usage: Record<Shell, (command: string) => string> = {
  sh: (command) => `To use it in this terminal:\n  eval "$(${command})"`,
  fish: (command) => `To use it in this terminal:\n  ${command} | source`,
  powershell: (command) => `To use it in this terminal:\n  ${command} | Out-String | Invoke-Expression`,
  json: () => 'Set these variables, and unset the empty ones.',
}

/** The variables that Claude Code is started with. Empty ones are to be unset. */
export function variablesOf(
  server: Pick<RunningServer, 'url' | 'key' | 'window' | 'model' | 'small' | 'certificates'>,
  inherited: NodeJS.ProcessEnv,
): Record<string, string> {
  const { url, key = 'any', window, model, small, certificates } = server
  return claudeSettings({ url, token: key, window, modelName: model, smallModel: small, certificates }, inherited)
    .settings.env
}

/** The latest server that answers. */
async function chooseServer(port: number | undefined): Promise<RunningServer> {
  const servers = runningServers().filter(({ url }) => port === undefined || new URL(url).port === String(port))
  for (const server of servers) {
    const answer = await answers(server.url)
    if (answer === 'ready') return server
    if (answer === 'silent') throw new TetherError('no_server', hangingText(server))
  }
  const where = port === undefined ? '' : ` on port ${port}`
  const start = ['', '--serve-only'].map((flag) => `  ${tetherCommand(flag ? [flag] : [])}`).join('\n')
  throw new TetherError(
    'no_server',
    `no tether is running${where}. To start one, with Claude Code or without:\n${start}`,
  )
}

async function answers(url: string): Promise<'ready' | 'silent' | 'no'> {
  try {
    // Nothing secret is sent, so the certificate need not be one that this machine trusts.
    const dispatcher = new Agent({ connect: { rejectUnauthorized: false } })
    const { statusCode, body } = await request(`${url}/health`, { headersTimeout: 2000, reset: true, dispatcher })
    await body.dump()
    return statusCode === 200 ? 'ready' : 'no'
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'UND_ERR_HEADERS_TIMEOUT' ? 'silent' : 'no'
  }
}

/** The shell that was asked for, else the user's login shell. */
export function chooseShell(asked: string | undefined, env: Record<string, string | undefined>): Shell {
  const name = asked ?? env.SHELL?.split('/').at(-1) ?? (process.platform === 'win32' ? 'powershell' : 'sh')
  if (name === 'pwsh' || name === 'powershell') return 'powershell'
  return name === 'fish' || name === 'json' ? name : 'sh'
}
