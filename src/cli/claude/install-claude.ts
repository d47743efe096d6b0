/** Offers to install Claude Code, or says how to get it. */
import { offerInstall } from '../agents/offer-install.js'
import { programVersion } from '../agents/program-version.js'
import { say } from '../terminal/say.js'
import { givenFlags, tetherCommand } from '../tether-command.js'

/** Without @latest npm installs the newest version that names this Node as supported: on Node 20 one of long ago. */
const command = ['npm', 'install', '-g', '@anthropic-ai/claude-code@latest'] as const

/** Asks first; the default answer is no. `find` looks for the program. -> what it then finds. Ctrl-C throws Interrupted. */
export async function offerClaude(find: () => string | undefined): Promise<string | undefined> {
  const claude = await offerInstall({ title: 'Claude Code', install: command, find })
  const version = claude && (await programVersion(claude))
  if (version) say(`Claude Code ${version} is installed`)
  return claude
}

/** Flags that say nothing to a server alone, or do not go with one. */
const notToServe = ['--claude-path', '--attach', '--own']

/** What to do without a claude that runs. `found`: one that --claude-path did not name. */
export function installHint(found?: string): string {
  const only = tetherCommand([...givenFlags((flag) => !notToServe.includes(flag)), '--serve-only'])
  const serve = `To run only the server:\n  ${only}`
  if (found) return `One is installed at ${found}. To use it, omit --claude-path. ${serve}`
  return `Install it:\n  ${command.join(' ')}\nAlready have it? Pass --claude-path PATH. ${serve}`
}

export function sayHowToGetClaude(): void {
  say(`Claude Code is not installed. ${installHint()}`)
}
