/** Which model tether runs, and what it loads it with. */
import { existsSync, mkdirSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { useTether } from '../../support/cli-fixture.js'
import { claudeReport } from '../../support/cli-process.js'
import { writeModel } from '../../support/model-folders.js'
import { until } from '../../support/until.js'

const tether = useTether()

describe('the model that tether runs', () => {
  const models = () => join(tether.place.home, '.tether', 'models')
  /** Without a --model. */
  const bare = (args: string[], env: Record<string, string> = {}) =>
    tether.start(['--claude-path', tether.place.claude, ...args], env).ended

  test('is picked by the user, even if there is only one; without an answer it says how to name one', async () => {
    writeModel(join(models(), 'org', 'small'))
    const { code, stderr } = await bare(['--', 'exit:0'])
    expect(code).toBe(1)
    expect(stderr).toContain('1  org/small ')
    expect(stderr).toContain('no model was chosen. Pass one with --model NAME.')
  })

  test('is the only one, without a question, for npm start', async () => {
    writeModel(join(models(), 'org', 'small'))
    const { code, stderr } = await bare(['--', 'exit:0'], { FAKE_START: '1' })
    expect(code).toBe(0)
    expect(stderr).toContain('org/small ready at')
  })

  test('is the demo model for npm start if there is no other', async () => {
    const { code, stderr } = await bare(['--', 'exit:0'], { FAKE_START: '1' })
    expect(code).toBe(0)
    expect(stderr).toContain('demo model')
    expect(stderr).toContain('For a real model:\n  tether pull mlx-community/gemma-4-e2b-it-4bit\n')
  })

  test('is an error that says how to get one, if there is none', async () => {
    const { code, stderr } = await bare(['--', 'exit:0'])
    expect(code).toBe(1)
    expect(stderr).toContain('no models in ~/.tether/models.\n')
    expect(stderr).toContain('tether pull ')
  })

  test('is an error that names the line of the configuration, unless it was typed', async () => {
    tether.configure('[model]\ndefault = "nope"\n')
    expect((await bare(['--serve-only'])).stderr).toContain(
      'tether: ~/.tether/config/10-test.toml:2: no model named nope',
    )
    expect((await bare(['--serve-only', '--model', 'nope'])).stderr).toContain('tether: no model named nope')
  })

  test('is an error that names tether pull if it does not exist', async () => {
    const { code, stderr } = await bare(['--model', 'org/absent'])
    expect(code).toBe(1)
    expect(stderr).toContain('\n  tether pull org/absent\n')
  })

  test('is found by its last component, after tether pull org/name', async () => {
    writeModel(join(models(), 'mlx-community', 'small-4bit'))
    const { code, stderr } = await bare(['--model', 'small-4bit', '--', 'exit:0'])
    expect(code).toBe(0)
    expect(stderr).toContain('mlx-community/small-4bit ready at')
    const bench = await tether.start(['bench', 'small-4bit', '--prompts', '8', '--tokens', '2', '--json']).ended
    expect(JSON.parse(bench.stdout).model).toBe('mlx-community/small-4bit')
    writeModel(join(models(), 'other', 'small-4bit'))
    const both = await bare(['--model', 'small-4bit', '--', 'exit:0'])
    expect(both.code).toBe(1)
    const again = (name: string) => `\n  tether --claude-path ${tether.place.claude} --model ${name} -- exit:0\n`
    for (const name of ['mlx-community/small-4bit', 'other/small-4bit']) expect(both.stderr).toContain(again(name))
    const benches = await tether.start(['bench', 'small-4bit', '--json']).ended
    expect(benches.stderr).toContain('\n  tether bench other/small-4bit --json\n')
  })

  test('is drafted for by a model that is named as it is', async () => {
    const draft = join(models(), 'org', 'tiny')
    for (const path of [join(models(), 'small'), draft]) writeModel(path)
    const options = join(tether.place.temp, '..', 'options.json')
    const drafts = async (name: string) => {
      rmSync(options, { force: true })
      const { code, stderr } = await bare(['--model', 'small', '--draft', name, '--', 'exit:0'], {
        FAKE_OPTIONS: options,
      })
      return code === 0 ? JSON.parse(readFileSync(options, 'utf8')).draft : stderr
    }
    for (const name of ['tiny', 'org/tiny', draft, '~/.tether/models/org/tiny']) expect(await drafts(name)).toBe(draft)
    expect(await drafts('off')).toBe('off')
    expect(await drafts('of')).toContain('tether: draft: did you mean off? no model named of')
    expect(await drafts('org/absent')).toContain('\n  tether pull org/absent\n')
    writeModel(join(models(), 'other', 'tiny'))
    const again = `tether --claude-path ${tether.place.claude} --model small --draft other/tiny -- exit:0`
    expect(await drafts('tiny')).toContain(`\n  ${again}\n`)
    const serve = ['serve', '--port', '0', '--model', 'small']
    for (const [flag, asked, full] of [
      ['--models', 'small,tiny', 'small,other/tiny'],
      ['--small-model', 'tiny', 'other/tiny'],
    ] as const) {
      const { stderr } = await tether.start([...serve, flag, asked]).ended
      expect(stderr).toContain(`\n  tether ${serve.join(' ')} ${flag} ${full}\n`)
    }
    tether.configure('[models."small"]\ndraft = "org/tiny"\n')
    await bare(['--model', 'small', '--', 'exit:0'], { FAKE_OPTIONS: options })
    expect(JSON.parse(readFileSync(options, 'utf8')).draft).toBe(draft)
  })

  test('has settings by its last component', async () => {
    writeModel(join(models(), 'mlx-community', 'small-4bit'))
    tether.configure('[models."small-4bit"]\nthreads = 3\n')
    const options = join(tether.place.temp, '..', 'options.json')
    await bare(['--model', 'mlx-community/small-4bit', '--', 'exit:0'], { FAKE_OPTIONS: options })
    expect(JSON.parse(readFileSync(options, 'utf8')).threads).toBe(3)
  })

  test('is loaded with the folder of its prefixes, and with Claude Code with the folder that it works in', async () => {
    writeModel(join(models(), 'small'))
    const file = join(tether.place.temp, '..', 'options.json')
    const prefixes = join(tether.place.home, '.tether', 'cache', 'prefixes')
    const options = () => JSON.parse(readFileSync(file, 'utf8'))
    await bare(['--model', 'small', '--disk-cache', '2GB', '--', 'exit:0'], { FAKE_OPTIONS: file })
    expect(options()).toMatchObject({
      cacheDir: prefixes,
      diskCache: 2e9,
      sessionFolder: realpathSync(tether.place.home),
    })
    rmSync(file)
    const server = tether.start(['--model', 'small', '--serve-only', '--port', '0'], { FAKE_OPTIONS: file })
    onTestFinished(() => void server.process.kill('SIGKILL'))
    await until(() => existsSync(file) && readFileSync(file, 'utf8') !== '')
    expect(options()).toMatchObject({ cacheDir: prefixes })
    expect(options()).not.toHaveProperty('sessionFolder')
    server.process.kill('SIGKILL')
    await server.ended
  })

  test('is answered in at most four short lines if its name is wrong, with commands that can be pasted', async () => {
    for (const name of ['org/gemma-3-1b', 'a model with spaces', 'llama']) writeModel(join(models(), name))
    for (const wrong of ['wrongname', 'gema', '/nowhere/model', 'org/absent']) {
      const { code, stderr } = await bare(['--model', wrong, '--models-dir', models()])
      const lines = stderr
        .trim()
        .split('\n')
        .filter((line) => !line.startsWith('tether: created'))
      expect([code, lines.length <= 4, lines.filter((line) => line.length > 160)]).toEqual([1, true, []])
    }
    const terminal = tether.openUntilStatus([
      '--claude-path',
      tether.place.claude,
      '--model',
      'gemma',
      '--models-dir',
      models(),
    ])
    await terminal.shows('status 1')
    expect(terminal.screen().join('\n')).toContain('similar: org/gemma-3-1b')
    expect(terminal.written()).toContain(`\n  tether pull ORG/NAME --models-dir ${models()}\r\n`)
  })

  test.each([
    ['q4', 'q4/llama.Q4_K_M.gguf', 'GGUF is not supported. Use an MLX checkpoint'],
    ['lora', 'lora/adapter_config.json', 'a LoRA adapter is not a whole model. Load its base model'],
    ['torch', 'torch/pytorch_model-00001-of-00002.bin', 'PyTorch weights are not supported. Use an MLX checkpoint'],
  ])('is said to be what it is if it is not an MLX checkpoint (%s)', async (name, file, reason) => {
    mkdirSync(join(models(), file, '..'), { recursive: true })
    writeFileSync(join(models(), file), '')
    for (const model of [name, join(models(), name)]) {
      const { code, stderr } = await bare(['--model', model])
      expect([code, stderr]).toEqual([1, expect.stringContaining(reason)])
    }
    expect((await tether.start(['--list']).ended).stdout).toContain(`${name}: ${reason}`)
    const strange = await bare([])
    expect([strange.code, strange.stderr]).toEqual([1, expect.stringContaining(`  ${name}: ${reason}`)])
  })

  test('is refused before anything starts if its type is not supported', async () => {
    writeModel(join(models(), 'strange'), { config: { model_type: 'qwen3' } })
    const { code, stderr } = await bare(['--model', 'strange'], { FAKE_LOAD_MS: '60000' })
    expect(code).toBe(1)
    expect(stderr).toContain(
      'tether: strange: qwen3 models are not supported yet. Supported: Gemma 2 to 4, Llama, Mistral.\n',
    )
  })

  test('is that of [model] default without a question, and --model overrides it', async () => {
    for (const name of ['a', 'b']) writeModel(join(models(), name))
    tether.configure('[model]\ndefault = "b"\n')
    expect((await bare(['--', 'exit:0'])).stderr).toContain('b ready at')
    expect((await bare(['--model', 'a', '--', 'exit:0'])).stderr).toContain('a ready at')
  })

  test('is listed by --list; an empty list says how to get a model, with status 0', async () => {
    const empty = await tether.start(['--list']).ended
    expect([empty.code, empty.stdout.includes('tether pull')]).toEqual([0, true])
    writeModel(join(models(), 'org', 'small'))
    const full = await tether.start(['--list']).ended
    expect([full.code, full.stdout.includes('org/small')]).toEqual([0, true])
    const data = JSON.parse((await tether.start(['--list', '--json']).ended).stdout)
    expect(data).toMatchObject([{ name: 'org/small', state: 'ok' }])
  })
})

describe('the settings of a run', () => {
  test('load the model, those of its own table first', async () => {
    const dir = join(tether.place.home, '.tether', 'config')
    mkdirSync(dir, { recursive: true })
    writeFileSync(
      join(dir, '10-test.toml'),
      '[model]\nthreads = 3\nkv_bits = 4\nprefill_chunk = 100\nprompt_order = "stable-first"\n[sampling]\ntemperature = 0.5\ntop_k = 7\n[models."demo"]\ntemperature = 0.7\nthinking = "off"\nmax_context = 40001\n',
    )
    await tether.startWithClaude(['exit:0'], { FAKE_OPTIONS: join(tether.place.temp, '..', 'options.json') }).ended
    const options = JSON.parse(readFileSync(join(tether.place.temp, '..', 'options.json'), 'utf8'))
    expect(options).toMatchObject({
      threads: 3,
      kvBits: 4,
      prefillChunk: 100,
      thinking: 'off',
      promptOrder: 'stable-first',
      maxContext: 40001,
      onOverflow: 'auto',
    })
    expect(options.sampling).toEqual({ temperature: 0.7, topK: 7 })
  })

  test('include TETHER_DEBUG=1, which names the file of the debug log', async () => {
    const { stderr } = await tether.startWithClaude(['exit:0'], { TETHER_DEBUG: '1' }).ended
    expect(stderr).toMatch(/every request, prompt and answer is written to ~\/\.tether\/logs\/debug-/)
  })

  test("include the user's API key, which is used as it is", async () => {
    const { stdout } = await tether.startWithClaude(['exit:0']).ended
    expect(stdout).toBe('')
    await tether.startOnDemo(['--api-key', 'my-own', '--claude-path', tether.place.claude, '--', 'exit:0']).ended
    expect((await claudeReport(tether.place)).env.ANTHROPIC_AUTH_TOKEN).toBe('my-own')
  })
})
