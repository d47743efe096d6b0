/**
 * The bytes of a body in blocks. A large one is never copied on the thread that answers: another thread gets the blocks
 * themselves, and gives them back.
 */
import type { Body } from '../turn/protocol.js'

export interface Blocks extends Body {
  /** In order. Empty while another thread has them, and if that has ended with them. */
  list(): readonly Uint8Array[]
  /** Hands them over. Each is alone in its buffer. */
  take(): Uint8Array[]
  giveBack(blocks: Uint8Array[]): void
  /** Forgets them. What is given back from then on is forgotten, too. */
  drop(): void
}

/** `blocks`: each alone in its buffer. */
export function blocksOf(blocks: Uint8Array[]): Blocks {
  const length = lengthOf(blocks)
  let held = blocks
  let isDropped = false
  return {
    length,
    list: () => held,
    whole() {
      if (held.length !== 1) held = [joined(held)]
      return held[0] as Uint8Array
    },
    take() {
      const taken = held
      held = []
      return taken
    },
    giveBack(blocks) {
      if (!isDropped) held = blocks
    },
    drop() {
      isDropped = true
      held = []
    },
  }
}

/** Unlike Buffer.concat, which puts what is small into a buffer with others, this can be handed over. */
export function joined(blocks: readonly Uint8Array[]): Uint8Array {
  const all = new Uint8Array(lengthOf(blocks))
  let end = 0
  for (const block of blocks) {
    all.set(block, end)
    end += block.byteLength
  }
  return all
}

function lengthOf(blocks: readonly Uint8Array[]): number {
  return blocks.reduce((sum, { byteLength }) => sum + byteLength, 0)
}
