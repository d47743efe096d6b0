/** What is done with a body, on the thread where that belongs: here, or on the other one if it may take long. */
import { countBody } from '../anthropic/prepare.js'
import type { PrepareOptions } from '../turn/prepare-turn.js'
import type { Protocol } from '../turn/protocol.js'
import type { ReadOptions } from '../turn/request-fields.js'
import type { PreparedTurn, Prompter } from '../turn/types.js'
import type { Preparing } from './preparing.js'

/** How a protocol reads a body. */
export type Reads = Pick<Protocol<never>, 'name' | 'beside' | 'prepareBody' | 'checkBody'>

export interface Reading {
  /** Throws what is wrong with the request. */
  check(protocol: Reads, body: Uint8Array, options: ReadOptions): Promise<void>
  prepare(
    protocol: Reads,
    prompter: Prompter,
    body: Uint8Array,
    options: PrepareOptions & ReadOptions,
  ): Promise<PreparedTurn>
  /** Of Anthropic's clients: the length of the prompt in tokens. */
  count(prompter: Prompter, body: Uint8Array, options: ReadOptions): Promise<number>
}

/** `preparing`: the other thread. Unset: there is none. */
export function readingOn(preparing: Preparing | undefined, signal: AbortSignal): Reading {
  const far = (body: Uint8Array) => (preparing?.isFor(body) ? preparing : undefined)
  return {
    async check({ name, beside, checkBody }, body, options) {
      const other = far(body)
      if (!other) return checkBody(body, options)
      await other.run({ protocol: name, kind: 'check', body, options: { ...options, beside: beside?.(body) } }, signal)
    },
    async prepare({ name, beside, prepareBody }, prompter, body, options) {
      const other = far(body)
      if (!other) return prepareBody(prompter, body, options)
      const task = { protocol: name, body, options: { ...options, beside: beside?.(body) } }
      return (await other.run({ ...task, kind: 'prepare' }, signal)) as PreparedTurn
    },
    async count(prompter, body, options) {
      const other = far(body)
      if (!other) return countBody(prompter, body, options)
      return (await other.run({ protocol: 'anthropic', kind: 'count', body, options }, signal)) as number
    },
  }
}
