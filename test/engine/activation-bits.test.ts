/** Activations rounded to integers where few of them meet quantized weights: answers hardly differ, in 8 bits a little more. */
import { expect, test } from 'vitest'
import { loadNative } from '../../src/engine/load.js'
import { checkpoint, golden, rejection } from '../support/checkpoints.js'

const NAME = 'llama-d-4bit-128'

/** The logits of a prompt in chunks that are few enough rows to be rounded. */
async function logits(activationBits: number, chunk = 5): Promise<{ bits: number; rows: Float32Array }> {
  const native = await loadNative(checkpoint(NAME), { activationBits })
  const rows = await native.logits(Int32Array.from(golden(NAME).prompt), chunk)
  native.close()
  return { bits: native.info.activationBits, rows }
}

function meanDistance(a: Float32Array, b: Float32Array): number {
  return a.reduce((sum, value, i) => sum + Math.abs(value - (b[i] as number)), 0) / a.length
}

test('16 bits are the default and change little, 8 bits more', async () => {
  const exact = await logits(32)
  const sixteen = await logits(16)
  const eight = await logits(8)
  expect([exact.bits, sixteen.bits, eight.bits]).toEqual([32, 16, 8])
  expect(await logits(0)).toEqual(sixteen)
  const cost = meanDistance(sixteen.rows, exact.rows)
  expect(cost).toBeGreaterThan(0)
  expect(meanDistance(eight.rows, exact.rows)).toBeGreaterThan(30 * cost)
})

test.each([16, 8])('in %i bits a token has the same logits alone and beside others', async (bits) => {
  const alone = await logits(bits, 1)
  const few = await logits(bits, 3)
  // Attention adds in another order.
  expect(meanDistance(alone.rows, few.rows)).toBeLessThan(meanDistance(few.rows, (await logits(32)).rows) / 2)
})

test('other numbers are refused', async () => {
  const error = await rejection(loadNative(checkpoint(NAME), { activationBits: 4 }))
  expect(error).toMatchObject({ code: 'bad_config', message: 'activationBits must be 0, 8, 16 or 32, not 4' })
})
