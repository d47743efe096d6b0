/** npm installs the packages: with the prebuilt addon and no install script, and without it, so that it is built. */
import { execFileSync } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Consumer, makeConsumer, type Packages, pack, platformName, root } from '../support/consumer.js'
import { until } from '../support/until.js'

const demo = 'node_modules/@tether/mlx/demo/model'
const answer = `import('@tether/mlx').then(async ({ loadModel }) => {
  const model = await loadModel(${JSON.stringify(demo)})
  const request = { max_tokens: 50, messages: [{ role: 'user', content: 'Say pineapple.' }] }
  console.log((await model.message(request)).content[0].text)
  await model.close()
})`

let archives: string
let packages: Packages
beforeAll(() => {
  archives = mkdtempSync(join(tmpdir(), 'tether-packages-'))
  packages = pack(archives)
}, 300_000)
afterAll(() => rmSync(archives, { recursive: true, force: true }))

/** Runs npm with the user's own settings in a consumer's project. */
function npm(consumer: Consumer, command: 'npm' | 'npx', args: string[], env: Record<string, string> = {}) {
  const own = Object.entries(process.env).filter(([name]) => !/^(npm|vitest|node)_/i.test(name))
  const all = Object.fromEntries(own.map(([name, value]) => [name, value ?? '']))
  return consumer.run(command, args, { ...all, ...env })
}

/** No optional dependencies: a test installs the platform package that it names, never a published one. */
const quiet = ['--no-audit', '--no-fund', '--prefer-offline', '--omit=optional']

async function cacheDir(): Promise<string> {
  const path = join(root, 'third_party/fetch.mjs')
  return ((await import(path)) as { cacheDir(): string }).cacheDir()
}

describe('npm with the platform package, and install scripts blocked', () => {
  let consumer: Consumer
  beforeAll(() => {
    consumer = makeConsumer()
  })
  afterAll(() => consumer.remove())

  test('installs a tether that runs with node alone, in less than 90 MB', async () => {
    const [, , , ...archives] = packages.install.split(' ')
    const { code, stderr } = await npm(consumer, 'npm', ['install', '--ignore-scripts', ...quiet, ...archives])
    expect(code, stderr).toBe(0)
    expect(existsSync(join(consumer.folder, 'node_modules', platformName))).toBe(true)
    const installed = execFileSync('du', ['-sk', join(consumer.folder, 'node_modules')], { encoding: 'utf8' })
    // On macOS the package has MLX's compiled kernels, 150 MB.
    if (process.platform === 'linux') expect(Number.parseInt(installed, 10) * 1024).toBeLessThan(90e6)
    expect(await consumer.run('node_modules/.bin/tether', ['--version'])).toMatchObject({ code: 0 })
    expect(await consumer.run('node', ['-e', answer])).toMatchObject({ code: 0, stdout: 'pineapple\n' })
  })

  test('runs the archive with npx', async () => {
    // npx caches by the archive's name and version: with a shared cache it could run an older build.
    const env = { npm_config_cache: join(consumer.folder, 'cache'), npm_config_ignore_scripts: 'true' }
    const archive = join(consumer.folder, basename(packages.main))
    symlinkSync(packages.main, archive)
    const done = await npm(consumer, 'npx', ['--yes', `./${basename(archive)}`, '--version'], env)
    expect(done, done.stderr).toMatchObject({ code: 0, stdout: expect.stringMatching(/^tether \d/) })
  })

  // The last one: the package brings its node to the programs that npx starts in this project.
  test.runIf(process.platform === 'linux')('says what to install where Node is too old', async () => {
    const node18 = `node-${process.platform}-${process.arch}`
    const { code, stderr } = await npm(consumer, 'npm', ['install', '--ignore-scripts', ...quiet, `${node18}@18.20.8`])
    expect(code, stderr).toBe(0)
    const said = /^tether needs Node 20\.19 .*; this is 18\.20\.8\..*\n\n {2}nvm install 22\n/
    const node = (...args: string[]) => consumer.run(`node_modules/${node18}/bin/node`, args)
    expect(await node('node_modules/.bin/tether', '--list')).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(said),
    })
    const [imported, required] = [`import('@tether/mlx')`, `(async () => require('@tether/mlx'))()`]
    for (const program of [imported, required]) {
      const { stdout } = await node('-e', `${program}.catch((error) => console.log(error.message))`)
      expect(stdout).toMatch(said)
    }
  })
})

describe('npm without the platform package', () => {
  let consumer: Consumer
  beforeAll(() => {
    consumer = makeConsumer()
  })
  afterAll(() => consumer.remove())

  test('fails to install where there is no compiler, and names the compiler', async () => {
    const other = makeConsumer()
    // PATH has node, npm and sh only.
    for (const name of ['npm', 'sh']) {
      const program = execFileSync('sh', ['-c', `command -v ${name}`], { encoding: 'utf8' }).trim()
      symlinkSync(program, join(other.folder, '..', 'bin', name))
    }
    const install = ['install', ...quiet, packages.main]
    const { code, stderr } = await npm(other, 'npm', install, { PATH: join(other.folder, '..', 'bin') })
    expect(code).not.toBe(0)
    expect(stderr).toContain('a C++20 compiler')
    other.remove()
  })

  test('leaves the build to the first start where install scripts are blocked, which says so and answers', async () => {
    const { code, stderr } = await npm(consumer, 'npm', ['install', '--ignore-scripts', ...quiet, packages.main])
    expect(code, stderr).toBe(0)
    expect(existsSync(join(consumer.folder, 'node_modules', platformName))).toBe(false)

    // The cache folder has MLX from this clone's own build.
    const tools = { PATH: process.env.PATH ?? '', TETHER_CACHE_DIR: await cacheDir() }
    const tether = consumer.start('node_modules/.bin/tether', ['--serve-only', '--model', demo, '--port', '0'], tools)
    try {
      await until(() => /http:\/\/127\.0\.0\.1:\d+/.test(tether.stderr() + tether.stdout()), 570_000)
      expect(tether.stderr()).toContain('Building the addon')
    } finally {
      tether.kill()
      await tether.ended
    }

    const install = await consumer.run('node', ['node_modules/@tether/mlx/scripts/install.mjs'])
    expect(install).toEqual({ code: 0, signal: null, stdout: '', stderr: '' })
    expect(await consumer.run('node', ['-e', answer])).toMatchObject({ code: 0, stdout: 'pineapple\n' })
  })
})
