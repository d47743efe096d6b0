/** What is done with a body, on the thread where that belongs: here, or on the other one if it may take long. */
import { countBody } from '../anthropic/prepare.js'
import type { PrepareOptions } from '../turn/prepare-turn.js'
import type { Beside, Protocol } from '../turn/protocol.js'
import type { ReadOptions } from '../turn/request-fields.js'
import type { CountedTurn, PreparedTurn, Prompter } from '../turn/types.js'
import { type Blocks, joined } from './blocks.js'
import type { Preparing } from './preparing.js'

/** How a protocol reads a body. */
export type Reads = Pick<Protocol<never>, 'name' | 'beside' | 'prepareBody' | 'checkBody'>

export interface Reading {
  /** Throws what is wrong with the request. */
  check(protocol: Reads, body: Blocks, options: ReadOptions): Promise<void>
  prepare(
    protocol: Reads,
    prompter: Prompter,
    body: Blocks,
    options: PrepareOptions & ReadOptions,
  ): Promise<PreparedTurn>
  /** Of Anthropic's clients. */
  count(prompter: Prompter, body: Blocks, options: ReadOptions): Promise<CountedTurn>
}

/** `preparing`: the other thread. Unset: there is none. */
export function readingOn(preparing: Preparing | undefined, signal: AbortSignal): Reading {
  const far = (bytes: number) => (preparing?.isFor(bytes) ? preparing : undefined)
  return {
    async check({ name, beside: find, checkBody }, body, options) {
      const beside = await besideOf(find, body.list())
      const other = far(body.length + sizeOf(beside))
      if (!other) return checkBody(body.whole(), options)
      await other.run({ protocol: name, kind: 'check', options: { ...options, beside } }, body, signal)
    },
    async prepare({ name, beside: find, prepareBody }, prompter, body, options) {
      const beside = await besideOf(find, body.list())
      const other = far(body.length + sizeOf(beside))
      if (!other) return prepareBody(prompter, body.whole(), options)
      const task = { protocol: name, kind: 'prepare', options: { ...options, beside } } as const
      return (await other.run(task, body, signal)) as PreparedTurn
    },
    async count(prompter, body, options) {
      const other = far(body.length)
      if (!other) return countBody(prompter, body.whole(), options)
      return (await other.run({ protocol: 'anthropic', kind: 'count', options }, body, signal)) as CountedTurn
    },
  }
}

/** Bytes of two neighbouring blocks that are looked at together. */
const BORDER = 500

/** Block by block, with pauses in which others are answered. */
async function besideOf(find: Reads['beside'], blocks: readonly Uint8Array[]): Promise<Beside> {
  const found: Beside = {}
  if (!find) return found
  for (const [i, block] of blocks.entries()) {
    const before = blocks[i - 1]
    if (before) {
      await new Promise((resolve) => setImmediate(resolve))
      Object.assign(found, find(joined([before.subarray(-BORDER), block.subarray(0, BORDER)])))
    }
    Object.assign(found, find(block))
  }
  return found
}

function sizeOf(beside: Beside): number {
  return Object.values(beside)
    .flat()
    .reduce((sum, { byteLength }) => sum + byteLength, 0)
}
