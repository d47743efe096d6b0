/** Which model tether runs, and what it loads it with. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { useTether } from '../../support/cli-fixture.js'
import { claudeReport } from '../../support/cli-process.js'
import { writeModel } from '../../support/model-folders.js'

const tether = useTether()

describe('the model that tether runs', () => {
  const models = () => join(tether.place.home, '.tether', 'models')
  /** Without a --model. */
  const bare = (args: string[], env: Record<string, string> = {}) =>
    tether.start(['--claude-path', tether.place.claude, ...args], env).ended

  test('is picked by the user, even if there is only one; the end of input cancels', async () => {
    writeModel(join(models(), 'org', 'small'))
    const { code, stderr } = await bare(['--', 'exit:0'])
    expect(code).toBe(1)
    expect(stderr).toContain('1  org/small ')
    expect(stderr).toContain('no model was chosen; name one, as in: tether --model org/small')
  })

  test('is the only one, without a question, for npm start', async () => {
    writeModel(join(models(), 'org', 'small'))
    const { code, stderr } = await bare(['--', 'exit:0'], { FAKE_START: '1' })
    expect(code).toBe(0)
    expect(stderr).toContain('org/small is ready')
  })

  test('is the demo model for npm start if there is no other', async () => {
    const { code, stderr } = await bare(['--', 'exit:0'], { FAKE_START: '1' })
    expect(code).toBe(0)
    expect(stderr).toContain('demo model')
    expect(stderr).toContain('~/.tether/models')
  })

  test('is an error that says how to get one, if there is none', async () => {
    const { code, stderr } = await bare(['--', 'exit:0'])
    expect(code).toBe(1)
    expect(stderr).toContain('there is no model in ~/.tether/models\n')
    expect(stderr).toContain('tether pull ')
  })

  test('is an error that names tether pull if it does not exist', async () => {
    const { code, stderr } = await bare(['--model', 'org/absent'])
    expect(code).toBe(1)
    expect(stderr).toContain('tether pull org/absent')
  })

  test('is that of [model] default without a question, and --model overrides it', async () => {
    for (const name of ['a', 'b']) writeModel(join(models(), name))
    tether.configure('[model]\ndefault = "b"\n')
    expect((await bare(['--', 'exit:0'])).stderr).toContain('b is ready')
    expect((await bare(['--model', 'a', '--', 'exit:0'])).stderr).toContain('a is ready')
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
      '[model]\nthreads = 3\nkv_bits = 4\nprefill_chunk = 100\n[sampling]\ntemperature = 0.5\ntop_k = 7\n[models."demo"]\ntemperature = 0.7\nthinking = "off"\nmax_context = 40001\n',
    )
    await tether.startWithClaude(['exit:0'], { FAKE_OPTIONS: join(tether.place.temp, '..', 'options.json') }).ended
    const options = JSON.parse(readFileSync(join(tether.place.temp, '..', 'options.json'), 'utf8'))
    expect(options).toMatchObject({
      threads: 3,
      kvBits: 4,
      prefillChunk: 100,
      thinking: 'off',
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
