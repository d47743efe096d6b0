/** Measures how fast a loaded model reads prompts of several lengths and writes answers. */
import type { Model } from '../../index.js'

export interface BenchOptions {
  /** Prompt lengths in tokens. */
  prompts: number[]
  /** Tokens to write after each prompt. */
  tokens: number
  /** Runs of each length. */
  runs: number
  signal?: AbortSignal
}

/** Medians, in tokens per second; `spread` is the slowest and the fastest run. */
export interface BenchRow {
  prompt: number
  prefill: Speed
  decode: Speed
}

export interface Speed {
  median: number
  spread: [slowest: number, fastest: number]
}

const warmUp = 64

/** Reports to `onRun` how many runs are done. Skips prompts that do not fit into the window. */
export async function measure(
  model: Pick<Model, 'info' | 'generate'>,
  { prompts, tokens, runs, signal }: BenchOptions,
  onRun: (done: number, all: number) => void,
): Promise<BenchRow[]> {
  const random = generator()
  const fitting = prompts.filter((prompt) => fits(model, prompt, tokens))
  const once = (prompt: number, write: number) => measureOnce(model, { prompt, tokens: write, random, signal })
  await once(Math.min(warmUp, ...prompts), 2)
  const rows: BenchRow[] = []
  for (const [i, prompt] of fitting.entries()) {
    const all: { prefill: number; decode: number }[] = []
    for (let run = 0; run < runs; run++) {
      onRun(i * runs + run, fitting.length * runs)
      all.push(await once(prompt, tokens))
    }
    const prefill = speed(all.map((run) => run.prefill))
    rows.push({ prompt, prefill, decode: speed(all.map((run) => run.decode)) })
  }
  onRun(fitting.length * runs, fitting.length * runs)
  return rows
}

export function fits({ info }: Pick<Model, 'info'>, prompt: number, tokens: number): boolean {
  return prompt + tokens <= info.window
}

/** Uses random tokens, so that the prefix cache does not help, and ignores stop tokens. */
async function measureOnce(
  model: Pick<Model, 'info' | 'generate'>,
  ask: { prompt: number; tokens: number; random: () => number; signal?: AbortSignal },
): Promise<{ prefill: number; decode: number }> {
  const { prompt, tokens: maxTokens, random, signal } = ask
  const tokens = Int32Array.from({ length: prompt }, () => Math.floor(random() * model.info.vocabSize))
  const request = { tokens, maxTokens, temperature: 0, repetitionPenalty: 1, ignoreStop: true, signal }
  for await (const { finish } of model.generate(request)) {
    if (!finish) continue
    if (finish.reason === 'cancelled') signal?.throwIfAborted()
    const computed = finish.promptTokens - finish.cachedTokens
    // The first token comes out of the prefill.
    const decode = finish.decodeSeconds > 0 ? (finish.outputTokens - 1) / finish.decodeSeconds : 0
    return { prefill: computed / finish.prefillSeconds, decode }
  }
  throw new Error('a generation ended without a finish')
}

function speed(values: number[]): Speed {
  const sorted = [...values].sort((a, b) => a - b)
  const half = sorted.length >> 1
  const upper = sorted[half] ?? 0
  const median = sorted.length % 2 === 1 ? upper : ((sorted[half - 1] ?? 0) + upper) / 2
  return { median, spread: [sorted[0] ?? 0, sorted.at(-1) ?? 0] }
}

/** Numerical Recipes' linear congruential generator: the same prompts on every machine. */
function generator(): () => number {
  let state = 1
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return state / 2 ** 32
  }
}
