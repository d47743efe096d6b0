/** Checkpoints and prompts for tests of the prefix cache, and what an engine that keeps nothing computes for them. */
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished } from 'vitest'
import type { NativeEngine, NativeInfo } from '../../src/binding.js'
import { loadNative } from '../../src/engine/load.js'
import type { Finish, LoadOptions } from '../../src/engine/types.js'
import { type CheckpointName, copyOf, distance, editTensors, greedy, type StoredTensor } from './checkpoints.js'
import { seeded } from './random.mjs'

/** Tokens of a pass. Blocks are the least number of passes that has 256 tokens. */
export const CHUNK = 64
export const BLOCK = 256

export type Native = NativeEngine & { info: NativeInfo }

/** Fixed passes, so that equal numbers have equal bits, no measuring at the start, and keys and values as they are computed. */
export function loadFixed(folder: string, options: LoadOptions = {}) {
  return loadNative(folder, { prefillChunk: CHUNK, threads: 1, kvBits: 32, ...options })
}

export async function temporaryFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'tether-prefixes-'))
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  return folder
}

/**
 * A copy of a tiny checkpoint that takes prompts of some thousand tokens. `window`: of the sliding layers, if it has
 * any. `wide`: with heads of at least 32, whose keys and values can be quantized.
 */
export async function longCheckpoint(name: CheckpointName, { window = 120, wide = false } = {}): Promise<string> {
  const folder = await copyOf(name)
  const file = join(folder, 'config.json')
  const config = JSON.parse(await readFile(file, 'utf8'))
  const text = config.text_config ?? config
  text.max_position_embeddings = 8192
  if ('sliding_window' in text) text.sliding_window = window
  if (wide && text.head_dim < 32) {
    text.head_dim = 32
    await editTensors(join(folder, 'model.safetensors'), widenHeads)
  }
  await writeFile(file, JSON.stringify(config))
  return folder
}

/** Heads of 16 become heads of 32. Which numbers they have does not matter. */
function widenHeads(tensors: Map<string, StoredTensor>): void {
  for (const [name, { shape }] of [...tensors]) {
    const [, layer] = /^(.*\.self_attn)\.q_norm\.weight$/.exec(name) ?? []
    if (layer === undefined || shape[0] !== 16) continue
    for (const part of ['q_norm', 'k_norm', 'q_proj', 'k_proj', 'v_proj', 'o_proj']) {
      const tensor = tensors.get(`${layer}.${part}.weight`)
      if (tensor) widen(tensor, part === 'o_proj' ? (tensor.shape[0] as number) : 1)
    }
  }
}

/** Each of `rows` equal parts gets a second half: the first one, shifted by a sixteenth so that no two heads are equal. */
function widen(tensor: StoredTensor, rows: number): void {
  const size = tensor.data.length / rows
  const parts: Buffer[] = []
  for (let row = 0; row < rows; row++) {
    const part = tensor.data.subarray(row * size, (row + 1) * size)
    parts.push(part, part.subarray(size / 16), part.subarray(0, size / 16))
  }
  tensor.data = Buffer.concat(parts)
  const last = rows > 1 ? 1 : 0
  tensor.shape[last] = 2 * (tensor.shape[last] as number)
}

/** Arbitrary tokens, the same for the same seed; other seeds differ from the first token on. */
export function tokensOf(count: number, seed: number, vocab: number): number[] {
  const random = seeded(seed * 7919 + 1)
  const tokens = [seed % vocab, Math.floor(seed / vocab) % vocab]
  while (tokens.length < count) tokens.push(random.below(vocab))
  return tokens.slice(0, count)
}

/** How far logits are from others, as shares of the largest of these. */
export interface Apart {
  most: number
  mean: number
}

export function apart(logits: Float32Array, wanted: Float32Array): Apart {
  const largest = wanted.reduce((a, b) => Math.max(a, Math.abs(b)), 0)
  let sum = 0
  for (let i = 0; i < wanted.length; i++) sum += Math.abs((logits[i] as number) - (wanted[i] as number))
  return { most: distance(logits, wanted) / largest, mean: sum / wanted.length / largest }
}

/** Computes logits after what a prompt starts from in `hot`. -> where that is, and how far they are from those computed cold */
export async function resumed(hot: Native, cold: Native, tokens: number[]): Promise<Apart & { from: number }> {
  const { vocabSize } = cold.info
  const rows = await hot.logits(Int32Array.from(tokens))
  const from = tokens.length - rows.length / vocabSize
  const all = await cold.logits(Int32Array.from(tokens), CHUNK)
  return { from, ...apart(rows, all.subarray(from * vocabSize)) }
}

/**
 * By what share the likeliest token beats those that were generated, at most. Greedy tokens that are right have 0, but
 * for rounding, however near the second token is.
 */
export async function greedyFault(cold: Native, prompt: ArrayLike<number>, tokens: number[]): Promise<number> {
  if (tokens.length === 0) return 0
  const { vocabSize } = cold.info
  const all = Int32Array.from([...Array.from(prompt), ...tokens.slice(0, -1)])
  const logits = await cold.logits(all, CHUNK)
  let most = 0
  for (const [i, token] of tokens.entries()) {
    const row = logits.subarray((prompt.length - 1 + i) * vocabSize, (prompt.length + i) * vocabSize)
    const best = row.reduce((a, b) => Math.max(a, b))
    most = Math.max(most, (best - (row[token] as number)) / best)
  }
  expect(most).not.toBeNaN()
  return most
}

/** Greedy tokens of a prompt. -> `cancel` ends it early */
export function generating(native: Native, prompt: number[], maxTokens: number, adapter = 0) {
  let cancel = () => {}
  const done = new Promise<{ tokens: number[]; finish: Finish }>((resolve, reject) => {
    const tokens: number[] = []
    cancel = native.generate({ ...greedy(prompt, maxTokens), adapter }, (event) => {
      tokens.push(...event.tokens)
      if (event.error) reject(event.error)
      if (event.finish) resolve({ tokens, finish: event.finish })
    })
  })
  return { done, cancel }
}

export const generated = (native: Native, prompt: number[], maxTokens: number, adapter = 0) =>
  generating(native, prompt, maxTokens, adapter).done

/** The record files of all models below a folder. */
export async function recordFiles(cacheDir: string): Promise<string[]> {
  const names = await readdir(cacheDir, { recursive: true }).catch(() => [])
  return names.filter((name) => /\.(?:full|sliding)$/.test(name)).map((name) => join(cacheDir, name))
}

/** All files below a folder are whole records in the folder of a model, and within the cap. */
export async function expectOnlyRecords(cacheDir: string, cap: number, what: string): Promise<void> {
  const names = await readdir(cacheDir, { recursive: true })
  const unknown = names.filter((name) => !/^[0-9a-f]{32}(?:\/[0-9a-f]{32}\.(?:full|sliding))?$/.test(name))
  expect(unknown, what).toEqual([])
  const sizes = await Promise.all((await recordFiles(cacheDir)).map(async (file) => (await stat(file)).size))
  expect(
    sizes.reduce((a, b) => a + b, 0),
    what,
  ).toBeLessThanOrEqual(cap)
}
