/** What is done when there is no Claude Code: offer to install it, or say how. */
import { spawn } from 'node:child_process'
import { isInteractive, say } from '../terminal/say.js'
import { Interrupted } from '../terminal/signals.js'

const command = ['npm', 'install', '-g', '@anthropic-ai/claude-code'] as const

/** Asks first, and no is the answer to silence. -> whether it was installed. Ctrl-C throws Interrupted. */
export async function offerClaude(): Promise<boolean> {
  if (!isInteractive()) return false
  const { createConsola } = await import('consola')
  // Both on stderr, as everything that tether says.
  const consola = createConsola({ stdout: process.stderr, stderr: process.stderr })
  const question = `Claude Code cannot be found. Install it with \`${command.join(' ')}\`?`
  const answer = await consola.prompt(question, { type: 'confirm', initial: false, cancel: 'symbol' })
  if (typeof answer === 'symbol') throw new Interrupted('SIGINT')
  return answer && (await run()) === 0
}

export const waysOut = `Get it with
  ${command.join(' ')}
or say where it is with --claude-path. --serve-only does without.`

export function sayHowToGetClaude(): void {
  say(`Claude Code (the program claude) cannot be found.\n${waysOut}`)
}

function run(): Promise<number> {
  const [program, ...args] = command
  return new Promise((resolve) => {
    const child = spawn(program, args, { stdio: ['inherit', process.stderr, 'inherit'] })
    child.on('error', (error) => {
      say(`npm cannot be run: ${error.message}`)
      resolve(1)
    })
    child.on('close', (code) => resolve(code ?? 1))
  })
}
