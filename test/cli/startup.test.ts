/** What the command loads before it answers: a module more is milliseconds more, every time. */
import { spawnSync } from 'node:child_process'
import { readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { useTether } from '../support/cli-fixture.js'
import { writeModel } from '../support/model-folders.js'
import { until } from '../support/until.js'

const tether = useTether()
/** Writes the address of every module that is imported. */
const hook = `import { appendFileSync } from 'node:fs'
export const initialize = (file) => { globalThis.file = file }
export async function load(url, context, next) {
  appendFileSync(globalThis.file, url + '\\n')
  return next(url, context)
}`

/** The modules that a call imports: packages by their names, tether's own by their paths in src. */
async function imported(args: string[]): Promise<string[]> {
  const { code } = await tether.start(args, { NODE_OPTIONS: noting() }).ended
  expect(code).toBe(0)
  return noted()
}

const list = () => join(tether.place.home, 'imported.txt')

/** The flag of Node that writes every import to the list. */
function noting(): string {
  return `--import ${asModule(`import { register } from 'node:module'
register(${JSON.stringify(asModule(hook))}, { data: ${JSON.stringify(list())} })`)}`
}

function noted(): string[] {
  const urls = readFileSync(list(), 'utf8').trim().split('\n')
  return [...new Set(urls.map(shortName))].sort()
}

function packages(all: string[]): string[] {
  return all.filter((name) => !name.includes(':') && !name.endsWith('js'))
}

function asModule(code: string): string {
  return `data:text/javascript,${encodeURIComponent(code)}`
}

function shortName(url: string): string {
  const [, packaged] = /.*\/node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(url) ?? []
  return packaged ?? url.replace(/.*\/src\//, '')
}

test.each(['--help', '-h', '--version', 'help'])(
  '%s imports one package, and nothing that is not needed',
  async (flag) => {
    const all = await imported([flag])
    expect(all).toContain('cli/main.js')
    expect(packages(all)).toEqual(['citty'])
    expect(all.filter((name) => /^node:(child_process|crypto)$/.test(name))).toEqual([])
    expect(
      all.filter((name) => /^(cli\/(commands|config\/(read|config-)|log\/log\.js)|models\/desc|index)/.test(name)),
    ).toEqual([])
  },
)

test('--list imports no package besides where config.toml is as it was created, and no HTTP client', async () => {
  writeModel(join(tether.place.home, '.tether', 'models', 'a'))
  const all = await imported(['--list'])
  expect(all).toContain('models/describe-models.js')
  expect(packages(all)).toEqual(['citty'])
  expect(all.filter((name) => /^(index|server|anthropic|turn|cli\/claude)\b/.test(name))).toEqual([])
  expect(all).not.toContain('node:child_process')
})

test('attaching to a server imports nothing of what loads a model', async () => {
  const first = tether.startOnDemo(['--serve-only', '--port', '0'])
  onTestFinished(() => void first.process.kill('SIGKILL'))
  await until(() => first.stderr().includes('Ctrl-C'))
  const all = await imported(['--model', tether.demo, '--claude-path', tether.place.claude, '--', 'exit:0'])
  expect(all).toContain('cli/commands/launch.js')
  expect(all).toContain('cli/sharing/lease.js')
  expect(all.filter((name) => /^(index|load-model|binding|chat|turn|model|anthropic|openai)\b/.test(name))).toEqual([
    'model/window.js',
  ])
  expect(all.filter((name) => /^(engine|models\/desc)/.test(name))).toEqual([
    'engine/foreign.js',
    'engine/json-file.js',
    'engine/weight-files.js',
    'models/description-cache.js',
  ])
})

test('the library and the command that serves import no HTTP client: it takes longer than a small model', () => {
  for (const [module, its] of [
    ['index.js', []],
    ['cli/commands/serve.js', ['consola']],
    ['cli/commands/launch.js', ['consola']],
  ] as const) {
    const { status } = spawnSync(process.execPath, [join(tether.compiled, 'src', module)], {
      env: { ...process.env, NODE_OPTIONS: noting() },
    })
    expect(status).toBe(0)
    expect(packages(noted())).toEqual(its)
    rmSync(list())
  }
})
