/** The picker without a terminal: numbered lines on stderr, a number from stdin. */
import { read } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { isatty } from 'node:tty'
import { promisify } from 'node:util'
import { TetherError } from '../../errors.js'
import type { ModelSummary } from '../../models/describe-models.js'
import { stripControls } from '../terminal/text-width.js'
import { wrap } from '../terminal/wrap.js'
import { modelTable, reasonOf } from './model-table.js'
import type { Choices } from './picker.js'

const readBytes = promisify(read)
const pauseMs = 20

/** Asks again after a wrong answer. undefined if the user cancels. Throws `model_not_found` if nobody answers. */
export async function pickByNumber(
  { models, last }: Choices,
  output: NodeJS.WritableStream & { columns?: number },
  stdin = 0,
): Promise<ModelSummary | undefined> {
  const columns = output.columns || 80
  const digits = String(models.length).length
  const { head, rows } = modelTable(models, columns - digits - 2, last)
  const print = (lines: string[]) => output.write(lines.join('\n'))
  print([`${' '.repeat(digits)}  ${head}`, ...rows.map((row, i) => `${String(i + 1).padStart(digits)}  ${row}`), ''])
  for (;;) {
    print([`Model number (1-${models.length}, Enter to cancel): `])
    const line = await readLine(stdin)
    // A terminal has shown the newline that the user typed.
    if (line === undefined || !isatty(stdin)) output.write('\n')
    if (line === undefined && isatty(stdin)) return undefined
    if (line === undefined) throw new TetherError('model_not_found', 'no model was chosen. Pass one with --model NAME.')
    const answer = line.trim()
    if (answer === '') return undefined
    const picked = /^\d+$/.test(answer) ? models[Number(answer) - 1] : undefined
    if (picked?.state === 'ok') return picked
    print([...wrap(whyNot(answer, picked, models.length), columns), ''])
  }
}

function whyNot(answer: string, picked: ModelSummary | undefined, count: number): string {
  if (picked) return `${stripControls(picked.name)} cannot be selected: ${reasonOf(picked)}`
  return `${stripControls(answer)} is not a number from 1 to ${count}.`
}

/** Reads byte by byte: what follows the line on stdin is for Claude Code. undefined at the end of input. */
async function readLine(stdin: number): Promise<string | undefined> {
  const bytes: number[] = []
  const one = Buffer.alloc(1)
  for (;;) {
    const count = await readOne(stdin, one)
    const byte = one[0] as number
    if (count === 0 && bytes.length === 0) return undefined
    if (count === 0 || byte === 10) return Buffer.from(bytes).toString('utf8')
    bytes.push(byte)
  }
}

/** -> 0 at the end of input, or if it is closed */
async function readOne(stdin: number, one: Buffer): Promise<number> {
  for (;;) {
    try {
      return (await readBytes(stdin, one, 0, 1, null)).bytesRead
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException
      if (code !== 'EAGAIN') return 0
      await sleep(pauseMs)
    }
  }
}
