/** A model that is named and not here: whether it is downloaded, and that nobody is contacted before the user wants it. */
import { existsSync, mkdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { useTether } from '../../support/cli-fixture.js'
import { type FakeHub, startFakeHub } from '../../support/fake-hub.js'
import { writeModel } from '../../support/model-folders.js'
import { until } from '../../support/until.js'

const tether = useTether()
let hub: FakeHub

beforeEach(async () => {
  const folder = writeModel(join(tether.place.home, 'published'))
  const names = ['config.json', 'model.safetensors', 'tokenizer.json']
  hub = await startFakeHub({
    files: Object.fromEntries(names.map((name) => [name, readFileSync(join(folder, name))])),
    tags: ['license:apache-2.0'],
  })
})
afterEach(() => hub.close())

const env = () => ({ HF_ENDPOINT: hub.endpoint })
const path = () => join(tether.place.home, '.tether', 'models', 'org', 'model')
const isThere = () => existsSync(join(path(), 'config.json'))
const serve = (...args: string[]) => ['serve', '--port', '0', ...args]

describe('without a terminal', () => {
  test.each([[[]], [['--pull', 'never']]])(
    'a missing model is an error with %j, and nobody is contacted',
    async (args) => {
      const { code, stderr } = await tether.start(serve('--model', 'org/model', ...args), env()).ended
      expect([code, stderr]).toEqual([1, expect.stringContaining('To download it:\n  tether pull org/model\n')])
      expect(hub.seen).toEqual([])
    },
  )

  test('--pull always downloads it and goes on', async () => {
    const server = tether.start(serve('--model', 'org/model', '--pull', 'always'), env())
    await until(() => server.stderr().includes('Ctrl-C'))
    server.process.kill('SIGTERM')
    const { stderr } = await server.ended
    expect(stderr).toMatch(/tether: Downloaded org\/model to ~\/\.tether\/models\/org\/model \(\d+ KB\)\n/)
    expect(stderr).toContain(' ready at ')
    expect(JSON.parse(readFileSync(join(path(), '.pulled.json'), 'utf8'))).toMatchObject({ license: 'apache-2.0' })
  })

  test.each([
    ['--models', 'demo,org/model'],
    ['--models', 'org/model@v2'],
    ['--small-model', 'org/model'],
  ])('--pull always downloads what %s %s names, too', async (flag, value) => {
    const server = tether.start(serve('--model', 'demo', flag, value, '--pull', 'always'), env())
    await until(() => server.stderr().includes('Ctrl-C'))
    server.process.kill('SIGTERM')
    const { stderr } = await server.ended
    expect(stderr).toContain('Downloaded org/model to ')
    expect(stderr).toMatch(/models that requests can name: demo, org\/model/)
  })

  test('tether launch downloads it for any agent', async () => {
    const args = [
      'launch',
      'codex',
      '--program',
      process.execPath,
      '--port',
      '0',
      '--model',
      'org/model',
      '--pull',
      'always',
    ]
    const { stderr } = await tether.start([...args, '--', '--version'], env()).ended
    expect([isThere(), stderr]).toEqual([true, expect.stringContaining('Downloaded org/model')])
  })

  test('the configuration may say the same', async () => {
    tether.configure('[model]\ndefault = "org/model"\npull = "always"\n')
    const { code } = await tether.start(['bench', '--prompts', '8'], env()).ended
    expect([code, isThere()]).toEqual([0, true])
  })

  test('HF_HUB_OFFLINE wins over --pull always', async () => {
    const { code, stderr } = await tether.start(serve('--model', 'org/model', '--pull', 'always'), {
      ...env(),
      HF_HUB_OFFLINE: '1',
    }).ended
    expect([code, stderr]).toEqual([1, expect.stringContaining('no model named org/model on this machine')])
    expect(hub.seen).toEqual([])
  })

  test('a revision that was pulled is used again without the network', async () => {
    const args = serve('--model', 'org/model@v2', '--pull', 'always')
    for (const said of ['Downloaded org/model', 'org/model is already downloaded']) {
      hub.seen.length = 0
      const server = tether.start(args, env())
      await until(() => server.stderr().includes('Ctrl-C'))
      server.process.kill('SIGTERM')
      expect((await server.ended).stderr).toContain(said)
    }
    expect(hub.seen).toEqual([])
  })

  test('a model that tether cannot load is refused before its weights come', async () => {
    hub.options.files['config.json'] = Buffer.from('{"model_type": "mixtral"}')
    const { code, stderr } = await tether.start(serve('--model', 'org/model', '--pull', 'always'), env()).ended
    expect([code, stderr]).toEqual([1, expect.stringContaining('mixtral models are not supported yet')])
    expect(hub.seen.map(({ url }) => url)).not.toContain('/org/model/resolve/c0ffee/model.safetensors')
  })

  test.each(['model', './org/model', '/org/model', 'demo2'])('%s is no name to download', async (name) => {
    const { code } = await tether.start(serve('--model', name, '--pull', 'always'), env()).ended
    expect([code, hub.seen]).toEqual([1, []])
  })
})

describe('in a terminal', () => {
  const open = (columns = 80) =>
    tether.openUntilStatus(serve('--model', 'org/model'), { columns, env: env() as Record<string, string> })

  test('asks before anybody is contacted, and after Enter downloads and goes on', async () => {
    const terminal = open()
    await terminal.shows('Download it from 127.0.0.1:')
    expect(hub.seen).toEqual([])
    terminal.type('\r')
    await terminal.shows('ready at')
    expect(isThere()).toBe(true)
    terminal.type('\u0003')
    await terminal.shows('status 0')
  })

  test('after no says how to download it', async () => {
    const terminal = open(40)
    await terminal.shows('Download it from')
    terminal.type('n')
    await terminal.shows('status 1')
    expect(terminal.screen()).toContain('  tether pull org/model')
    expect(hub.seen).toEqual([])
  })

  test('after Ctrl-C at the question ends with 130', async () => {
    const terminal = open()
    await terminal.shows('Download it from')
    terminal.type('\u0003')
    await terminal.shows('status 130')
    expect(hub.seen).toEqual([])
  })

  test('after Ctrl-C in the download says how to continue, and does not load', async () => {
    hub.faults.slowMs = 300
    const terminal = open()
    await terminal.shows('Download it from')
    terminal.type('\r')
    await terminal.shows(/\d+%/)
    terminal.type('\u0003')
    await terminal.shows('status 130')
    expect(terminal.screen().join('\n')).toMatch(/Stopped, .*To continue:\n {2}tether pull org\/model/s)
    expect(isThere()).toBe(false)
  })

  test('does not ask for a model that is here', async () => {
    mkdirSync(join(path(), '..'), { recursive: true })
    writeModel(path())
    const terminal = open()
    await terminal.shows('ready at')
    expect(terminal.written()).not.toContain('Download it')
    terminal.type('\u0003')
    await terminal.shows('status 0')
  })
})
