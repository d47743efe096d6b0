/** Pulls of one model from a fake hub into a folder of their own, for a test file. */
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach } from 'vitest'
import { type Pulled, type PullOptions, pull } from '../../src/models/pull/pull.js'
import { expectPulled, type FakeHub, type FakeHubOptions, startFakeHub } from './fake-hub.js'
import { modelFiles, withNonZeroWeights } from './model-folders.js'

/** Weights of 4 MB a file. */
export const large = { tensors: { a: { dtype: 'F32', shape: [1024, 1000] } } }

export interface PullFixture {
  readonly hub: FakeHub
  readonly modelsDir: string
  /** What the pulls of this test said. */
  readonly said: string[]
  /** The options of a pull, with short waits. */
  readonly options: PullOptions
  /** The folder of the model, once it is pulled. */
  path(): string
  /** The files in it. */
  files(): string[]
  pull(more?: Partial<PullOptions>, revision?: string): Promise<Pulled>
  /** Serves this instead of a model with two files of weights. */
  useHub(options: FakeHubOptions): Promise<void>
  /** Expects that the model was pulled completely. */
  expectWhole(): void
}

/** Registers its hooks; call it once, at the top of a test file. */
export function usePulls(name = 'org/model'): PullFixture {
  let hub: FakeHub
  let modelsDir: string
  let said: string[]
  let options: PullOptions
  const useHub = async (about: FakeHubOptions) => {
    await hub?.close()
    hub = await startFakeHub(about)
    options = {
      modelsDir,
      hub: { endpoint: hub.endpoint },
      say: (line) => said.push(line),
      progress: {
        retrying: (why, next) => said.push(`${why}, ${next}`),
        begin: () => {},
        add: () => {},
        end: () => {},
      },
      backoffMs: 2,
      idleMs: 2000,
      pieceBytes: 1_500_000,
      connections: 4,
    }
  }
  beforeEach(async () => {
    modelsDir = mkdtempSync(join(tmpdir(), 'tether-pull-test-'))
    said = []
    await useHub({ files: withNonZeroWeights(modelFiles({ ...large, shards: 2 })) })
  })
  afterEach(async () => {
    await hub.close()
    rmSync(modelsDir, { recursive: true, force: true })
  })
  const path = () => join(modelsDir, name)
  return {
    get hub() {
      return hub
    },
    get modelsDir() {
      return modelsDir
    },
    get said() {
      return said
    },
    get options() {
      return options
    },
    path,
    files: () =>
      readdirSync(path())
        .filter((file) => !file.startsWith('.'))
        .sort(),
    pull: (more, revision) => pull({ name, revision }, { ...options, ...more }),
    useHub,
    expectWhole: () => expectPulled(hub, modelsDir),
  }
}
