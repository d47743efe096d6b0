/** The picker without a terminal: numbered lines on stderr, a number from stdin. */
import { read } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import type { ModelSummary } from '../../models/describe-models.js'
import { modelTable } from './model-table.js'

const readBytes = promisify(read)
const pauseMs = 20

/** undefined for a blank line, a number that is not in the list, a model that cannot be loaded, or the end of input. */
export async function pickByNumber(
  models: ModelSummary[],
  output: NodeJS.WritableStream,
  stdin = 0,
): Promise<ModelSummary | undefined> {
  const digits = String(models.length).length
  const { head, rows } = modelTable(models, 120)
  const lines = rows.map((row, i) => `${String(i + 1).padStart(digits)}  ${row}`)
  output.write(`${' '.repeat(digits)}  ${head}\n${lines.join('\n')}\nNumber of a model, or Enter to cancel: `)
  const answer = (await readLine(stdin)).trim()
  output.write('\n')
  const picked = /^\d+$/.test(answer) ? models[Number(answer) - 1] : undefined
  return picked?.state === 'ok' ? picked : undefined
}

/** Reads byte by byte: what follows the line on stdin is for Claude Code. */
async function readLine(stdin: number): Promise<string> {
  const bytes: number[] = []
  const one = Buffer.alloc(1)
  for (;;) {
    const count = await readOne(stdin, one)
    const byte = one[0] as number
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
