/** The small real models that scripts/test-real.mjs fetches, and what mlx-lm computes with them in float32. */
import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'

/** Where the models are. Unset where they cannot be fetched: their tests are skipped. */
export const CACHE = process.env.TETHER_TEST_REAL

export const MODELS = ['smollm2-135m', 'gemma3-270m'] as const
export type RealModel = (typeof MODELS)[number]

/** Of the weights; 16: as published, in bf16. */
export const BITS = [16, 8, 4] as const
export type Bits = (typeof BITS)[number]

export const VERSIONS = MODELS.flatMap((model) => BITS.map((bits) => ({ model, bits })))

export function folderOf(model: RealModel, bits: Bits = 16): string {
  return join(CACHE ?? '', bits === 16 ? model : `${model}-${bits}bit`)
}

/** Made by test/real/make_goldens.py. */
export interface RealGolden {
  prompts: { text: string; ids: number[] }[]
  /** How many tokens of test/real/english.txt are scored. */
  text_tokens: number
  bits: Record<Bits, { perplexity: number; greedy: RealGreedy[] }>
}

/** A prompt's continuation, and how far apart the two best logits of each step are. */
export interface RealGreedy {
  tokens: number[]
  margins: number[]
}

export function realGolden(model: RealModel): RealGolden {
  return JSON.parse(readFileSync(`test/real/golden/${model}.json`, 'utf8'))
}

/** The ids that PyPI's `tokenizers` gives. */
export function idsOfTokenizers(model: RealModel, texts: string[]): number[][] {
  const input = JSON.stringify({ file: join(folderOf(model), 'tokenizer.json'), texts })
  const python = process.env.TETHER_TEST_REAL_PYTHON ?? 'python3'
  return JSON.parse(execFileSync(python, ['test/real/tokens.py'], { input, maxBuffer: 2 ** 29 }).toString())
}
