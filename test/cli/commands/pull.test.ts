/** `tether pull` as a program: what it says, and that it can be stopped and continued. */
import { execFileSync, spawn } from 'node:child_process'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { partialFolder } from '../../../src/models/find-model.js'
import { collectOutput } from '../../support/cli-output.js'
import { compileCli } from '../../support/cli-process.js'
import { expectPulled, type FakeHub, startFakeHub } from '../../support/fake-hub.js'
import { modelFiles, withNonZeroWeights, writeModel } from '../../support/model-folders.js'
import { removePlace } from '../../support/remove-place.js'
import { openTerminal } from '../../support/terminal.js'
import { until } from '../../support/until.js'

const name = 'org/model'
let modelsDir: string
let hub: FakeHub

beforeEach(async () => {
  modelsDir = mkdtempSync(join(tmpdir(), 'tether-pull-test-'))
  const large = { tensors: { a: { dtype: 'F32', shape: [1024, 1000] } } }
  hub = await startFakeHub({ files: withNonZeroWeights(modelFiles({ ...large, shards: 2 })) })
})
afterEach(async () => {
  await hub.close()
  removePlace(modelsDir)
})

const path = () => join(modelsDir, name)
const expectWhole = () => expectPulled(hub, modelsDir)

let compiled: string
const entry = () => join(compiled, 'test', 'support', 'cli-entry.js')
const environment = () => ({ PATH: process.env.PATH ?? '', HOME: modelsDir, HF_ENDPOINT: hub.endpoint })
/** Runs the whole program to its end. */
const tether = (args: string[]) =>
  collectOutput(spawn(process.execPath, [entry(), ...args], { stdio: ['ignore', 'pipe', 'pipe'], env: environment() }))
    .ended
beforeAll(() => {
  compiled = compileCli()
})
afterAll(() => rmSync(compiled, { recursive: true }))

describe('tether pull', () => {
  beforeAll(() => {
    const entry = `import { runPull } from './src/cli/commands/pull.js'
      try { process.exit(await runPull({ model: process.argv[2], modelsDir: process.argv[3], waits: { backoffMs: 20 } })) }
      catch (error) { console.error(error.message); process.exit(1) }`
    writeFileSync(join(compiled, 'pull.mjs'), entry)
  })

  const start = (model = name) => {
    const child = spawn(process.execPath, [join(compiled, 'pull.mjs'), model, modelsDir], {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { PATH: process.env.PATH, HOME: modelsDir, HF_ENDPOINT: hub.endpoint },
    })
    return { child, ...collectOutput(child) }
  }
  /** Waits until a part of a large file is logged as written: what the hub has sent may still be on its way. */
  const partWritten = () =>
    until(() => {
      const folder = partialFolder(path())
      const logs = existsSync(folder) ? readdirSync(folder).filter((name) => name.endsWith('.part.log')) : []
      return logs.some((name) => readFileSync(join(folder, name), 'utf8').split('\n').length > 3)
    })

  test('says where the model is when it is done', async () => {
    const { code, stderr } = await start().ended
    expect(code).toBe(0)
    expect(stderr).toContain('tether: org/model: 8.2 MB to download')
    expect(stderr).toContain(
      'tether: Downloaded org/model to ~/org/model (8.2 MB). Run it:\n  tether --model org/model\n',
    )
    expectWhole()
  })

  test('when killed leaves nothing that looks complete, and the next pull continues', async () => {
    hub.faults.slowMs = 15
    const { child, ended } = start()
    await partWritten()
    child.kill('SIGKILL')
    await ended
    expect(existsSync(path())).toBe(false)
    hub.faults.slowMs = 0
    const before = hub.sent()
    const again = await start().ended
    expect(again.code).toBe(0)
    expect(again.stderr).toMatch(/to download, [\d.]+ [KM]B already downloaded/)
    expect(hub.sent() - before).toBeLessThan(8.2e6)
    expectWhole()
  })

  test.each([
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const)('ends on %s and says how to continue', async (signal, status) => {
    hub.faults.slowMs = 15
    const { child, ended } = start()
    await partWritten()
    child.kill(signal)
    const { code, stderr } = await ended
    expect(code).toBe(status)
    expect(stderr).toMatch(/Stopped, [\d.]+ [KM]B kept\. To continue:\n {2}tether pull org\/model\n/)
    expect(existsSync(path())).toBe(false)
  })

  test('refuses to pull a model that another process is pulling', async () => {
    // Slow enough for a second process to start meanwhile.
    hub.faults.slowMs = 100
    const first = start()
    await partWritten()
    const { code, stderr } = await start().ended
    expect(code).toBe(1)
    expect(stderr).toContain(`org/model is already being downloaded by process ${first.child.pid}`)
    hub.faults.slowMs = 0
    expect((await first.ended).code).toBe(0)
    expectWhole()
  })

  test('says what it looks up before the HTTP client is loaded, within 200 ms', async () => {
    const entry = `import { runPull } from './src/cli/commands/pull.js'
      const write = process.stderr.write
      process.stderr.write = function (...args) {
        console.log(performance.measure('first', 'start').duration, args[0])
        process.stderr.write = write
        return write.apply(this, args)
      }
      performance.mark('start')
      process.exit(await runPull({ model: process.argv[2], modelsDir: process.argv[3] }))`
    writeFileSync(join(compiled, 'timed.mjs'), entry)
    hub.faults.slowMs = 1
    const child = spawn(process.execPath, [join(compiled, 'timed.mjs'), name, modelsDir], {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { PATH: process.env.PATH, HOME: modelsDir, HF_ENDPOINT: hub.endpoint },
    })
    const { stdout } = await collectOutput(child).ended
    expect(stdout).toContain(`tether: Looking up org/model on ${new URL(hub.endpoint).host}`)
    expect(Number.parseFloat(stdout)).toBeLessThan(200)
  })

  test.each([
    ['the address of its page', (endpoint: string) => `${endpoint}/org/model`],
    ['the address of its files', (endpoint: string) => `${endpoint}/org/model/tree/main`],
    ['the address of a file', (endpoint: string) => `${endpoint}/org/model/blob/main/config.json`],
    ['an address without http', (endpoint: string) => `${new URL(endpoint).host}/org/model/`],
    ['spaces around the name', () => ' org/model '],
  ])('takes %s', async (_what, typed) => {
    const { code, stderr } = await start(typed(hub.endpoint)).ended
    expect(code).toBe(0)
    expect(stderr).toContain('Run it:\n  tether --model org/model\n')
    expectWhole()
  })

  test('rejects a name that the hub cannot have and says what is right', async () => {
    const { code, stderr } = await start('gemma').ended
    expect(code).toBe(1)
    expect(stderr).toContain('not a repository name: gemma\nUse ORG/NAME or the address of the model')
    expect(hub.seen).toEqual([])
  })

  test('answers for a model that is there without asking the hub, and with the size of the download', async () => {
    await start().ended
    const before = hub.seen.length
    for (const typed of ['org/model', 'model']) {
      const { code, stderr } = await start(typed).ended
      expect(code).toBe(0)
      expect(stderr).toBe('tether: org/model is already downloaded (~/org/model, c0ffee, 8.2 MB)\n')
    }
    expect(hub.seen.length).toBe(before)
  })

  test('takes the model of just that name where another has it as its last part, as --model does', async () => {
    await start().ended
    writeModel(join(modelsDir, 'model'))
    const { code, stderr } = await start('model/').ended
    expect(code).toBe(0)
    expect(stderr).toContain('tether: model is already downloaded')
  })

  test('keeps what arrived if the hub goes away, and says how to continue', async () => {
    hub.faults.slowMs = 15
    const { ended, stderr } = start()
    await partWritten()
    await hub.close()
    expect((await ended).code).toBe(1)
    expect(stderr()).toMatch(
      /tether: (The connection to .* was lost|Cannot reach .*: connection refused), trying again \(2 of 8\)\n/,
    )
    expect(stderr()).toMatch(
      /Cannot reach .*: connection refused\. .*\n[\d.]+ [KM]B kept\. To continue:\n {2}tether pull org\/model\n$/,
    )
  })
})

describe('tether pull of something else than a model', () => {
  const big = Buffer.alloc(5000)
  const config = Buffer.from('{}')
  test.each([
    ['GGUF files', { 'a-Q4_K_M.gguf': big, 'README.md': config }, 'holds GGUF files, which tether does not read.'],
    ['GGUF files in folders', { 'Q8_0/a-00001-of-00002.gguf': big }, 'holds GGUF files, which tether does not read.'],
    [
      'PyTorch weights',
      { 'config.json': config, 'pytorch_model.bin': big },
      'holds PyTorch weights (.bin, .pt), which tether does not read.',
    ],
    ['ONNX weights', { 'config.json': config, 'model.onnx': big }, 'holds .onnx weights, which tether does not read.'],
    ['diffusers', { 'model_index.json': config, 'unet/model.safetensors': big }, 'is an image model (diffusers)'],
    ['Mistral’s own files', { 'params.json': config, 'consolidated.safetensors': big }, 'has no config.json'],
    ['no weights', { 'config.json': config }, 'has no weights.'],
  ])('names %s and an MLX version, and downloads nothing', async (_what, files, message) => {
    await hub.close()
    hub = await startFakeHub({ name: 'org/Model-7B-GGUF', files })
    const { code, stderr } = await tether(['pull', 'org/Model-7B-GGUF'])
    expect(code).toBe(1)
    expect(stderr).toContain(`org/Model-7B-GGUF ${message}`)
    expect(stderr).toContain(`such as one from mlx-community:\n  ${hub.endpoint}/models?library=mlx&search=Model-7B\n`)
    expect(hub.seen).toHaveLength(1)
    expect(readdirSync(modelsDir).filter((entry) => entry !== '.tether')).toEqual([])
  })

  test('names an adapter and the model that it changes', async () => {
    await hub.close()
    const files = { 'adapter_config.json': config, 'adapter_model.safetensors': big }
    hub = await startFakeHub({ files, tags: ['lora', 'base_model:org/base', 'base_model:adapter:org/base'] })
    const { code, stderr } = await tether(['pull', 'org/model', '--models-dir', modelsDir])
    expect(code).toBe(1)
    expect(stderr).toContain('org/model is an adapter (LoRA), not a whole model')
    expect(stderr).toContain(
      `To download the model that it changes:\n  tether pull org/base --models-dir ${modelsDir}\n`,
    )
    expect(hub.seen).toHaveLength(1)
  })
})

describe('the commands that tether pull prints', () => {
  test('have the flags that were given, quoted', async () => {
    const folder = join(modelsDir, "it's mine")
    const { code, stderr } = await tether(['pull', 'org/model', '--models-dir', folder, '--revision', 'v2'])
    expect(code).toBe(0)
    const quoted = `'${modelsDir}/it'\\''s mine'`
    expect(stderr).toContain(`Run it:\n  tether --model org/model --models-dir ${quoted}\n`)
    expect(execFileSync('sh', ['-c', `printf %s ${quoted}`], { encoding: 'utf8' })).toBe(folder)
  })

  test('continue the same revision in the same folder after Ctrl-C in a terminal, and are not wrapped', async () => {
    hub.faults.slowMs = 15
    const folder = join(modelsDir, 'a-folder-with-a-long-name')
    const args = ['pull', 'org/model', '--models-dir', folder, '--revision', 'v2']
    const terminal = openTerminal(process.execPath, [entry(), ...args], { env: environment(), columns: 50, rows: 16 })
    await terminal.shows(/[KM]B of 8\.2 MB, \d+%/)
    await until(() => existsSync(partialFolder(join(folder, name))))
    terminal.type('\x03')
    expect(await terminal.ended).toBe(130)
    const command = `  tether pull org/model --revision v2 --models-dir ${folder}`
    expect(terminal.written()).toMatch(/tether: Stopped, .*To\s+continue:\r\n/)
    expect(terminal.written()).toContain(`\r\n${command}\r\n`)
    expect(terminal.screen().join('\n')).not.toMatch(/\^C|%/)
    hub.faults.slowMs = 0
    const words = command.trim().split(' ').slice(1)
    expect((await tether(words)).code).toBe(0)
    expectPulled(hub, folder)
  })
})

describe('the progress of tether pull in a terminal', () => {
  test('is there for the small files too, and the lines above and below it stay', async () => {
    await hub.close()
    const small = Object.fromEntries(Array.from({ length: 3 }, (_, i) => [`text${i}.tiktoken`, Buffer.alloc(900, i)]))
    hub = await startFakeHub({ files: { ...withNonZeroWeights(modelFiles({})), ...small } })
    hub.faults.slowMs = 300
    const terminal = openTerminal(process.execPath, [entry(), 'pull', 'org/model'], { env: environment() })
    await terminal.shows(/org\/model [█░]+ .* of 4\.\d KB, \d+%/)
    expect(hub.seen.some(({ url }) => url.includes('model.safetensors'))).toBe(false)
    expect(await terminal.ended).toBe(0)
    await terminal.shows('tether --model org/model')
    const text = terminal.screen().join('\n')
    expect(text).toContain(`tether: Looking up org/model on ${new URL(hub.endpoint).host}\n`)
    expect(text).toMatch(
      /tether: Downloaded org\/model to ~\/\.tether\/models\/org\/model \(4\.\d KB\)\. Run\s+it:\n {2}tether/,
    )
    expect(text).not.toContain('█')
  })
})
