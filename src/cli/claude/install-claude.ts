/** Offers to install Claude Code where it is missing, or says how to. */
import { spawn } from 'node:child_process'
import { reasonOf } from '../../one-line.js'
import { ask } from '../terminal/ask.js'
import { isInteractive, say } from '../terminal/say.js'
import { runAgain } from '../tether-command.js'
import { claudeVersion } from './claude-version.js'

/** Without @latest npm installs the newest version that names this Node as supported: on Node 20 one of long ago. */
const command = ['npm', 'install', '-g', '@anthropic-ai/claude-code@latest'] as const

/** Asks first; the default answer is no. `find` looks for the program. -> what it then finds. Ctrl-C throws Interrupted. */
export async function offerClaude(find: () => string | undefined): Promise<string | undefined> {
  if (!isInteractive()) return undefined
  const answer = await ask("Claude Code isn't installed. Install it now with npm?", false)
  if (!answer || (await run()) !== 0) return undefined
  const claude = find()
  const version = claude && (await claudeVersion(claude))
  if (version) say(`Claude Code ${version} is installed`)
  else if (!claude) say('npm installed Claude Code into a folder that is not on PATH. To see which:\n  npm prefix -g')
  return claude
}

/** What to do without a claude that runs. `found`: one that --claude-path did not name. */
export function installHint(found?: string): string {
  const only = runAgain({ drop: ['--claude-path'], add: ['--serve-only'], claude: false })
  const serve = `To run only the server:\n  ${only}`
  if (found) return `One is installed at ${found}. To use it, omit --claude-path. ${serve}`
  return `Install it:\n  ${command.join(' ')}\nAlready have it? Pass --claude-path PATH. ${serve}`
}

export function sayHowToGetClaude(): void {
  say(`Claude Code is not installed. ${installHint()}`)
}

function run(): Promise<number> {
  const [program, ...args] = command
  return new Promise((resolve) => {
    const child = spawn(program, args, { stdio: ['inherit', process.stderr, 'inherit'] })
    child.on('error', (error) => {
      say(`npm cannot be run: ${reasonOf(error)}`)
      resolve(1)
    })
    child.on('close', (code) => resolve(code ?? 1))
  })
}
