/** Asks whether an agent that is missing may be installed, and installs it. */
import { spawn } from 'node:child_process'
import { reasonOf } from '../../one-line.js'
import { ask } from '../terminal/ask.js'
import { isInteractive, say } from '../terminal/say.js'

export interface Missing {
  /** As people write it. */
  title: string
  install: readonly string[]
  /** Looks for the program. */
  find(): string | undefined
}

/** The default answer is no; without a terminal nobody is asked. -> what is then found. Ctrl-C throws Interrupted. */
export async function offerInstall({ title, install, find }: Missing): Promise<string | undefined> {
  if (!isInteractive()) return undefined
  const by = install.includes('pip') ? 'pip' : install[0]
  const answer = await ask(`${title} isn't installed. Install it now with ${by}?`, false)
  if (!answer || (await run(install)) !== 0) return undefined
  const program = find()
  if (program) return program
  const where = by === 'npm' ? ' To see which:\n  npm prefix -g' : ''
  say(`${by} installed ${title} into a folder that is not on PATH.${where}`)
  return undefined
}

function run([program = '', ...args]: readonly string[]): Promise<number> {
  return new Promise((resolve) => {
    const child = spawn(program, args, { stdio: ['inherit', process.stderr, 'inherit'] })
    child.on('error', (error) => {
      say(`${program} cannot be run: ${reasonOf(error)}`)
      resolve(1)
    })
    child.on('close', (code) => resolve(code ?? 1))
  })
}
