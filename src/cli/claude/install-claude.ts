/** Offers to install Claude Code where it is missing, or says how to. */
import { spawn } from 'node:child_process'
import { isInteractive, say } from '../terminal/say.js'
import { Interrupted } from '../terminal/signals.js'

const command = ['npm', 'install', '-g', '@anthropic-ai/claude-code'] as const

/** Asks first; the default answer is no. -> whether it was installed. Ctrl-C throws Interrupted. */
export async function offerClaude(): Promise<boolean> {
  if (!isInteractive()) return false
  const { createConsola } = await import('consola')
  // Both on stderr: stdout belongs to Claude Code.
  const consola = createConsola({ stdout: process.stderr, stderr: process.stderr })
  const question = `Claude Code cannot be found. Install it with \`${command.join(' ')}\`?`
  const answer = await consola.prompt(question, { type: 'confirm', initial: false, cancel: 'symbol' })
  if (typeof answer === 'symbol') throw new Interrupted('SIGINT')
  return answer && (await run()) === 0
}

export const installHint = `Install it with
  ${command.join(' ')}
or name it with --claude-path. With --serve-only tether runs without it.`

export function sayHowToGetClaude(): void {
  say(`Claude Code (the program claude) cannot be found.\n${installHint}`)
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
