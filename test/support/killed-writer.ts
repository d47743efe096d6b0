/** Runs a program that keeps prefixes on disk, and kills it. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { watch } from 'node:fs/promises'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect } from 'vitest'
import type { LoadOptions } from '../../src/engine/types.js'

export interface Answer {
  prompt: number[]
  tokens: number[]
}

interface WriterOptions extends LoadOptions {
  folder: string
  cacheDir: string
  seed: number
}

/** Waits until a file is begun below a folder, for a second at most. */
async function begun(folder: string): Promise<void> {
  const events = watch(folder, { recursive: true, signal: AbortSignal.timeout(1000) })
  try {
    for await (const { filename } of events) if (filename?.includes('.tmp-')) return
  } catch {
    // The time is over, or what was watched is gone: the moment is as good as any.
  }
}

export interface Moment {
  /** After so many answers, and so many milliseconds more. */
  answers?: number
  delay: number
  /** When it next writes a file. */
  writing: boolean
}

/** Starts the program that writes, and kills it. -> what it has answered */
export async function killedWriter(options: WriterOptions, moment: Moment): Promise<Answer[]> {
  const { answers = 0, delay, writing } = moment
  const program = 'test/support/prefix-writer.mjs'
  const child: ChildProcess = spawn(
    process.execPath,
    [program, JSON.stringify({ prefillChunk: 64, threads: 1, ...options })],
    {
      stdio: ['ignore', 'pipe', 'inherit'],
    },
  )
  const closed = once(child, 'close')
  const lines: string[] = []
  const reader = createInterface({ input: child.stdout as NodeJS.ReadableStream })
  reader.on('line', (line) => lines.push(line))
  // The first line only says that it runs.
  while (lines.length <= answers && child.exitCode === null && child.signalCode === null)
    await Promise.race([once(reader, 'line'), closed])
  await sleep(delay)
  if (writing) await begun(options.cacheDir)
  expect(child.exitCode, 'it runs until it is killed').toBeNull()
  child.kill('SIGKILL')
  await closed
  // The last line may be cut.
  return lines.slice(1).flatMap((line) => {
    try {
      return [JSON.parse(line) as Answer]
    } catch {
      return []
    }
  })
}
