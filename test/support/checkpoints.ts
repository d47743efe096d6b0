/** The tiny checkpoints of test/fixtures, mlx-lm's results for them, and changed copies of them. */
import { readFileSync } from 'node:fs'
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect, onTestFinished } from 'vitest'
import { loadNative } from '../../src/engine/load.js'
import type { Engine, Finish, GenerateRequest, TokenBatch } from '../../src/engine/types.js'
import { TetherError } from '../../src/errors.js'
import { plainSampling } from '../../src/options.js'

const ROOT = 'test/fixtures/checkpoints'

/** test/goldens/families.py describes each. */
export const CHECKPOINTS = [
  'llama-a',
  'llama-a-f16',
  'llama-a-4bit',
  'llama-b',
  'llama-b-8bit',
  'gemma4-a',
  'gemma4-a-4bit',
  'gemma4-b',
  'gemma4-b-mixed',
  'gemma4-c',
  'gemma3n-a',
  'gemma3n-a-4bit',
  'gemma4-d',
  'gemma4-d-4bit',
  'llama-c',
  'llama-d-2bit',
  'llama-d-4bit-128',
  'llama-d-mxfp4',
  'llama-d-mxfp8',
  'llama-d-nvfp4',
  'mistral-a',
  'mistral-b',
  'gemma2-a',
  'gemma2-a-3bit',
  'gemma3-a',
  'gemma3-a-5bit',
  'gemma3-b',
  'gemma3-b-6bit',
] as const

export type CheckpointName = (typeof CHECKPOINTS)[number]

/** Results of mlx-lm in float32. */
export interface Golden {
  prompt: number[]
  /** Of prefixes: shorter than the sliding window, as long as it, three times as long (the whole prompt). */
  promptLengths: number[]
  vocabSize: number
  /** (prompt, vocab) row by row. */
  logits: Float32Array
  /** log p(prompt[i] | what is before it); entry 0 is 0. */
  logprobs: number[]
  /** The greedy continuation of each prefix, and the smallest difference between its two highest logits. */
  greedy: { promptLength: number; tokens: number[]; minMargin: number }[]
  /**
   * For half-precision checkpoints: the root mean square of each token's error if mlx-lm computes its logits in that
   * precision.
   */
  ownDtypeError?: number[]
}

export function checkpoint(name: CheckpointName): string {
  return join(ROOT, name)
}

export function golden(name: CheckpointName): Golden {
  const facts = JSON.parse(readFileSync(join(ROOT, 'goldens', `${name}.json`), 'utf8'))
  const bytes = readFileSync(join(ROOT, 'goldens', facts.logits))
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const logits = Float32Array.from({ length: bytes.byteLength / 4 }, (_, i) => view.getFloat32(4 * i, true))
  return { ...facts, logits }
}

/** The greatest difference between two arrays of the same length; Infinity if a value is NaN. */
export function distance(actual: ArrayLike<number>, wanted: ArrayLike<number>): number {
  expect(actual.length).toBe(wanted.length)
  let most = 0
  for (let i = 0; i < wanted.length; i++) {
    const apart = Math.abs((actual[i] as number) - (wanted[i] as number))
    most = Number.isNaN(apart) ? Number.POSITIVE_INFINITY : Math.max(most, apart)
  }
  return most
}

/** log p of each token after those before it, from logits of (tokens, vocab). */
export function logSoftmaxOf(logits: Float32Array, tokens: number[], vocab: number): number[] {
  return tokens.map((token, i) => {
    if (i === 0) return 0
    const row = logits.subarray((i - 1) * vocab, i * vocab)
    const top = row.reduce((a, b) => Math.max(a, b))
    const sum = row.reduce((total, logit) => total + Math.exp(logit - top), 0)
    return (row[token] as number) - top - Math.log(sum)
  })
}

/** Loads a folder, computes logits in one pass, closes it. */
export async function logitsOf(folder: string, tokens: number[]): Promise<Float32Array> {
  const native = await loadNative(folder)
  try {
    return await native.logits(Int32Array.from(tokens), tokens.length)
  } finally {
    native.close()
  }
}

export function greedy(prompt: number[], maxTokens: number): GenerateRequest {
  return {
    prompt: Int32Array.from(prompt),
    maxTokens,
    ...plainSampling,
    temperature: 0,
    stopTokens: new Int32Array(0),
  }
}

export async function collect(batches: AsyncIterable<TokenBatch>): Promise<{ tokens: number[]; finish: Finish }> {
  const tokens: number[] = []
  let finish: Finish | undefined
  for await (const batch of batches) {
    tokens.push(...batch.tokens)
    finish = batch.finish
  }
  if (!finish) throw new Error('no finish')
  return { tokens, finish }
}

/**
 * Runs the golden's greedy requests in the same passes as other requests that sample, have a repetition penalty or end
 * early. -> the tokens of each greedy request
 */
export async function together(engine: Engine, { prompt, greedy: wanted }: Golden): Promise<number[][]> {
  const backwards = prompt.toReversed()
  const neighbours: GenerateRequest[] = [
    { ...greedy(backwards.slice(0, 1), 60), temperature: 1, topK: 5, seed: 1 },
    { ...greedy(backwards, 50), repetitionPenalty: 2 },
    greedy(backwards.slice(0, 7), 3),
  ]
  const requests = wanted.map(({ promptLength, tokens }) => greedy(prompt.slice(0, promptLength), tokens.length))
  const all = [...requests, ...neighbours].map((request) => collect(engine.generate(request)))
  // Otherwise they could run one after the other, and the test would prove nothing.
  while (engine.stats().live < requests.length) await sleep(1)
  return (await Promise.all(all)).slice(0, requests.length).map(({ tokens }) => tokens)
}

/** A copy that the test may change; it is removed when the test ends. */
export async function copyOf(name: CheckpointName): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), `tether-${name}-`))
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  await cp(checkpoint(name), folder, { recursive: true })
  return folder
}

/**
 * Sets one field of a JSON file; undefined removes it. A path is keys joined by "/", since tensor names have dots.
 */
export async function setField(file: string, path: string, value: unknown): Promise<void> {
  const json = JSON.parse(await readFile(file, 'utf8'))
  const keys = path.split('/')
  const last = keys.pop() as string
  const parent = keys.reduce((object, key) => object[key], json)
  if (value === undefined) {
    // A test that removes a missing field would prove nothing.
    if (!(last in parent)) throw new Error(`${file} has no ${path}`)
    delete parent[last]
  } else {
    parent[last] = value
  }
  await writeFile(file, JSON.stringify(json))
}

/** One tensor as a safetensors file holds it. */
export interface StoredTensor {
  dtype: string
  shape: number[]
  data: Buffer
}

export async function readTensors(file: string): Promise<Map<string, StoredTensor>> {
  const bytes = await readFile(file)
  const start = 8 + Number(bytes.readBigUInt64LE())
  const header: Record<string, { dtype: string; shape: number[]; data_offsets: [number, number] }> = JSON.parse(
    bytes.subarray(8, start).toString(),
  )
  const tensors = new Map<string, StoredTensor>()
  for (const [name, entry] of Object.entries(header)) {
    if (name === '__metadata__') continue
    const [begin, end] = entry.data_offsets
    const data = Buffer.from(bytes.subarray(start + begin, start + end))
    tensors.set(name, { dtype: entry.dtype, shape: entry.shape, data })
  }
  return tensors
}

export async function writeTensors(file: string, tensors: Map<string, StoredTensor>): Promise<void> {
  const header: Record<string, unknown> = {}
  const parts: Buffer[] = []
  let offset = 0
  for (const [name, { dtype, shape, data }] of tensors) {
    header[name] = { dtype, shape, data_offsets: [offset, offset + data.length] }
    parts.push(data)
    offset += data.length
  }
  const text = Buffer.from(JSON.stringify(header))
  const length = Buffer.alloc(8)
  length.writeBigUInt64LE(BigInt(text.length))
  await writeFile(file, Buffer.concat([length, text, ...parts]))
}

/** Changes the tensors of one file of a copy. */
export async function editTensors(file: string, edit: (tensors: Map<string, StoredTensor>) => void): Promise<void> {
  const tensors = await readTensors(file)
  edit(tensors)
  await writeTensors(file, tensors)
}

/** The error that a promise is rejected with, which must be a TetherError with a message of one line. */
export async function rejection(promise: Promise<unknown>): Promise<TetherError> {
  const error = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  )
  expect(error).toBeInstanceOf(TetherError)
  const { message } = error as TetherError
  expect(message).not.toContain('\n')
  expect(message.length).toBeLessThan(600)
  return error as TetherError
}
