/** Finds and loads the addon, tether.node, and says in types what it offers. */
import { existsSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { GrammarVocabulary } from './engine/grammar.js'
import type { Adapter, EngineInfo, EngineStats, Finish, GenerateRequest, Repetition } from './engine/types.js'
import { TetherError } from './errors.js'
import type { EngineOptions } from './options.js'

/** New tokens (possibly none); the last event of a generation, and only that one, has `finish` or `error`. */
export interface NativeEvent {
  tokens: Int32Array
  finish?: Finish
  error?: Error & { code: string }
}

/** What the addon itself knows of a checkpoint. */
export type NativeInfo = Omit<EngineInfo, 'stopTokens'>

/**
 * One engine thread with at most one model. Generations run together; other work runs alone, between two passes. Callbacks and
 * promises arrive on the JavaScript thread. Errors have a `code` of src/errors.ts. An idle engine does not keep the
 * process alive.
 */
export interface NativeEngine {
  /**
   * Once, first. `config`: config.json parsed; `files`: absolute paths; the options of src/options.ts, where 0 leaves the
   * choice to the engine, and no memory cap; `cacheDir`: empty for no prefixes on disk. `asGpu`, for tests: whatever the
   * device, compute and decode as on a GPU, in the checkpoint's own dtype and one token ahead. `lookup`: draft what is
   * likely to be repeated. `adapters`: LoRA adapters, which requests name by their places from 1 on. `drafter`: a checkpoint of
   * the same vocabulary that drafts. `alwaysDraft`, for tests: as if it cost nothing. `asksForRoom`: as in LoadOptions of
   * src/engine/types.ts.
   */
  load(
    request: Required<EngineOptions> & {
      config: unknown
      files: string[]
      asGpu: boolean
      lookup: boolean
      alwaysDraft: boolean
      asksForRoom: boolean
      adapters?: Adapter[]
      drafter?: { path: string; config: unknown; files: string[] }
      cacheDir: string
      diskCache?: number
      crash?: { path: string; about: string }
    },
    onProgress: (fraction: number) => void,
  ): Promise<NativeInfo>
  /** Returns a function that cancels; calling it late or twice does nothing. */
  generate(request: GenerateRequest, onEvent: (event: NativeEvent) => void): () => void
  /** Before any grammar; a later one starts afresh. */
  setVocabulary(vocabulary: GrammarVocabulary): void
  /**
   * Compiles a grammar, or finds it compiled. `missing`: the parts of its schemas that it does not hold; rejects with what is
   * wrong. `cancel`: it is no longer waited for; where nobody else waits for it, its compilation ends, and `missing` rejects.
   */
  compileGrammar(source: string): { missing: Promise<string[]>; cancel: () => void }
  /** For benches: the seconds that each mask takes while these tokens are accepted, the first of which follows the marker. */
  maskSeconds(source: string, tokens: Int32Array): Promise<Float32Array>
  score(tokens: Int32Array, adapter?: number): Promise<Float32Array>
  /**
   * For tests: the logits after every token, (tokens, vocab) row by row, computed `chunk` tokens at a time. Without `chunk`
   * as a request would compute them: without the rows of what the prefix cache has.
   */
  logits(tokens: Int32Array, chunk?: number, adapter?: number): Promise<Float32Array>
  /** For benches: the seconds of prefill and of decoding in a bare greedy loop over the model's forward. */
  bareLoop(prompt: Int32Array, count: number): Promise<Float32Array>
  /** For tests: the `count` tokens that the drafter drafts behind the last of these. */
  drafts(tokens: Int32Array, count: number): Promise<Float32Array>
  stats(): EngineStats
  prefetch(tokens: Int32Array, adapter?: number): Promise<number>
  /** Closes without holding up this thread. -> once that is done; `close` may be called meanwhile */
  closeSoon(): Promise<void>
  /** Waits for the engine thread, at most one chunk or token long. Pending work is rejected with code `closed`. Safe to call twice. */
  close(): void
}

/** What the addon computes with. */
export interface NativeAbout {
  /** MLX's version. */
  mlx: string
  /** `cpu`, `metal` or `cuda`. */
  device: string
  /** What matrix products on the CPU run on; empty for what MLX brings. */
  blas: string
}

/** The range that the addon accepts for one option. */
export interface NativeRange {
  least: number
  most: number
  /** Without a fraction. */
  whole: boolean
}

export interface Binding {
  Engine: new () => NativeEngine
  /** Needs no engine. */
  about(): NativeAbout
  /** For tests: after how many of these tokens an answer is taken for a loop; -1: never. `inCall`: they are a call's arguments. */
  loopAt(tokens: Int32Array, inCall: boolean, asked?: Repetition): number
  /** By name, as in src/options.ts; a test compares the two. */
  optionRanges: Record<'load' | 'sampling', Record<string, NativeRange>>
}

const root = join(dirname(fileURLToPath(import.meta.url)), '..')

/** Loads the addon: the one built in this package, or the platform package's. Throws `addon_missing` with the fix. */
export function loadBinding(): Binding {
  const require = createRequire(import.meta.url)
  const nodeGypBuild = require('node-gyp-build') as (folder: string) => Binding
  const platformPackage = `@tether/mlx-${process.platform}-${process.arch}`
  const places: [string, () => string][] = [
    ['this package', () => root],
    [platformPackage, () => sameVersion(require.resolve(`${platformPackage}/package.json`))],
  ]
  const tried: string[] = []
  for (const [name, folder] of places) {
    try {
      return nodeGypBuild(folder())
    } catch (error) {
      tried.push(`${name}: ${(error as Error).message.split('\n')[0]}`)
    }
  }
  const fix = existsSync(join(root, 'src'))
    ? "To build it, run npm run build in tether's folder."
    : `Install @tether/mlx again with its optional packages, or build the addon:\n  node ${join(root, 'scripts/build.mjs')} --native`
  throw new TetherError('addon_missing', `tether's native addon cannot be loaded (${tried.join(', ')}). ${fix}`)
}

/** An addon of another version may lack what this one calls. -> the folder of a platform package's package.json */
function sameVersion(manifest: string): string {
  const versionOf = (path: string) => (JSON.parse(readFileSync(path, 'utf8')) as { version: string }).version
  const [own, theirs] = [versionOf(join(root, 'package.json')), versionOf(manifest)]
  if (own === theirs) return dirname(manifest)
  throw new Error(`it is version ${theirs}, not ${own}`)
}
