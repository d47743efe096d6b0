/** Asks a question that is answered by yes or no. */
import { Interrupted } from './signals.js'

/** `initial`: what Enter alone means. Only where isInteractive() is true. Ctrl-C throws Interrupted. */
export async function ask(question: string, initial: boolean): Promise<boolean> {
  const { createConsola } = await import('consola')
  // Both on stderr: stdout belongs to Claude Code, or to who reads what a command prints.
  const consola = createConsola({ stdout: process.stderr, stderr: process.stderr })
  const answer = await consola.prompt(question, { type: 'confirm', initial, cancel: 'symbol' })
  if (typeof answer === 'symbol') throw new Interrupted('SIGINT')
  return answer
}
