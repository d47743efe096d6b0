/** The packages as they would be published: their content, and that they work with node alone. */
import {
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import {
  type Consumer,
  installOffline,
  linkModule,
  makeConsumer,
  type Packages,
  pack,
  platformName,
  readManifest,
  root,
} from '../support/consumer.js'
import { until } from '../support/until.js'

// The tests start a compiler and a model in other processes, on a machine that may be busy.
vi.setConfig({ testTimeout: 90_000 })

const demo = 'node_modules/@tether/mlx/demo/model'
const ask = { max_tokens: 50, messages: [{ role: 'user', content: 'Say pineapple.' }] }

let archives: string
let packages: Packages
let consumer: Consumer
beforeAll(() => {
  archives = mkdtempSync(join(tmpdir(), 'tether-packages-'))
  packages = pack(archives)
  consumer = makeConsumer()
  installOffline(consumer, packages)
}, 180_000)
afterAll(() => {
  consumer?.remove()
  rmSync(archives, { recursive: true, force: true })
})

describe('the archives', () => {
  const main = () => join(consumer.folder, 'node_modules/@tether/mlx')
  const platform = () => join(consumer.folder, 'node_modules', platformName)

  test('the main package has what it needs to run and to build, and no development tools', () => {
    const top = [...new Set(filesUnder(main()).map((file) => file.split('/')[0]))].sort()
    expect(top).toEqual(
      ['bin', 'binding.gyp', 'CHANGELOG.md', 'CMakeLists.txt', 'demo', 'dist', 'LICENSE', 'native', 'NOTICE']
        .concat(['package.json', 'README.md', 'scripts', 'third_party'])
        .sort(),
    )
    expect(filesUnder(join(main(), 'scripts'))).toEqual(
      [
        'build-progress.mjs',
        'build-tools.mjs',
        'build.mjs',
        'check-claude.mjs',
        'install.mjs',
        'interrupts.mjs',
      ].concat(['needs-addon.mjs', 'node-version.cjs', 'npm-packages.mjs', 'setup.mjs', 'terminal-lines.mjs']),
    )
    expect(filesUnder(main()).filter((file) => /test/i.test(file))).toEqual([])
  })

  test('are installed with the command that npm run pack prints', () => {
    expect(packages.install).toBe(`npm install -g ${packages.main} ${packages.platform}`)
  })

  test.runIf(platformName.endsWith('linux-x64'))('are as large as docs/releasing.md and README.md say', () => {
    const page = readFileSync(join(root, 'docs/releasing.md'), 'utf8')
    const [, main, platform] = /the main package has ([\d.]+) MB and the other ([\d.]+) MB/.exec(page) ?? []
    const megabytes = (path: string) => statSync(path).size / 1e6
    expect(Math.abs(megabytes(packages.main) - Number(main))).toBeLessThan(0.3)
    expect(Math.abs(megabytes(packages.platform) - Number(platform))).toBeLessThan(0.3)
    const readme = readFileSync(join(root, 'README.md'), 'utf8')
    expect(/the archives have (\d+) MB/.exec(readme)?.[1]).toBe((Number(main) + Number(platform)).toFixed(0))
  })

  test('the parts of the page are as they are in src/', () => {
    for (const file of ['page.html', 'page.css', 'page.js'].map((name) => join('server', 'page', name)))
      expect(readFileSync(join(main(), 'dist', file))).toEqual(readFileSync(join(root, 'src', file)))
  })

  test('every compiled file has a source in src/, and every source map has its sources in it', () => {
    const files = filesUnder(join(main(), 'dist'))
    const compiled = files.filter((file) => /\.[cm]?js$/.test(file) && !existsSync(join(root, 'src', file)))
    expect(compiled.length).toBeGreaterThan(50)
    for (const file of compiled) {
      const source = join(root, 'src', file.replace(/\.cjs$/, '.cts').replace(/\.js$/, '.ts'))
      expect(existsSync(source), `${source} of dist/${file}`).toBe(true)
      const map = /\/\/# sourceMappingURL=(.+)$/m.exec(readFileSync(join(main(), 'dist', file), 'utf8'))?.[1] ?? ''
      expect(files).toContain(join(dirname(file), map))
      const { sources, sourcesContent } = JSON.parse(readFileSync(join(main(), 'dist', dirname(file), map), 'utf8'))
      expect(sourcesContent, map).toHaveLength(sources.length)
    }
  })

  test('the main package depends on every platform package in its own version, and has scripts that build the addon', () => {
    const { version, optionalDependencies, scripts, devDependencies, gypfile } = readManifest(main())
    expect(optionalDependencies).toEqual({
      '@tether/mlx-darwin-arm64': version,
      '@tether/mlx-linux-arm64': version,
      '@tether/mlx-linux-x64': version,
    })
    expect(scripts).toEqual({ install: 'node scripts/install.mjs', build: 'node scripts/build.mjs' })
    expect({ devDependencies, gypfile }).toEqual({ devDependencies: undefined, gypfile: false })
  })

  test('the platform package is for this platform only, and has one flat folder of binaries', () => {
    const manifest = readManifest(platform())
    expect(manifest).toMatchObject({ name: platformName, os: [process.platform], cpu: [process.arch] })
    expect(manifest.version).toBe(readManifest(main()).version)
    expect(manifest).not.toHaveProperty('scripts')
    const names = readdirSync(join(platform(), 'prebuilds', `${process.platform}-${process.arch}`))
    expect(names).toContain('tether.node')
    expect(names.some((name) => name.startsWith('libmlx.'))).toBe(true)
    expect(names.every((name) => /\.(node|dylib|metallib)$|\.so(\.|$)/.test(name))).toBe(true)
  })

  test('both can be published with provenance: they are public and name the repository whose workflow packs them', () => {
    for (const folder of [main(), platform()]) {
      expect(readManifest(folder)).toMatchObject({
        repository: { type: 'git', url: 'git+https://git.example/me/tether.git' },
        publishConfig: { access: 'public', provenance: true },
      })
    }
  })

  test("both have tether's licence, and the platform package has those of its libraries", () => {
    for (const folder of [main(), platform()]) {
      for (const name of ['LICENSE', 'NOTICE']) {
        expect(readFileSync(join(folder, name), 'utf8')).toBe(readFileSync(join(root, name), 'utf8'))
      }
    }
    const licenses = filesUnder(join(platform(), 'licenses'))
      .map((file) => readFileSync(join(platform(), 'licenses', file), 'utf8'))
      .join('\n')
    expect(licenses).toContain('Apple Inc.')
    expect(licenses).toContain('nlohmann')
    expect(licenses).toContain('XGrammar')
    expect(licenses).toContain('Cybozu')
    if (process.platform !== 'linux') return
    for (const name of ['The OpenBLAS Project', 'University of Tennessee', 'GCC RUNTIME LIBRARY EXCEPTION']) {
      expect(licenses).toContain(name)
    }
    expect(licenses).toContain('GNU LESSER GENERAL PUBLIC LICENSE')
  })

  test.each(['main', 'platform'] as const)('publint finds no problem in the %s package', async (which) => {
    const { code, stdout } = await consumer.run('node', [tool('publint'), packages[which], '--strict'])
    expect({ code, stdout }).toEqual({ code: 0, stdout: expect.stringContaining('All good!') })
  })

  test('types resolve with every module resolution of TypeScript', async () => {
    const { code, stdout } = await consumer.run('node', [tool('@arethetypeswrong/cli'), packages.main])
    expect({ code, stdout }).toEqual({ code: 0, stdout: expect.stringContaining('No problems found') })
  })
})

describe('an installed package, with node alone on PATH', () => {
  test('starts tether, which serves and answers, without a build', async () => {
    expect(await consumer.run('node_modules/.bin/tether', ['--version'])).toMatchObject({ code: 0, stderr: '' })

    const tether = consumer.start('node_modules/.bin/tether', ['--serve-only', '--model', demo, '--port', '0'])
    try {
      const url = () => /http:\/\/127\.0\.0\.1:\d+/.exec(tether.stderr() + tether.stdout())?.[0]
      await until(() => url() !== undefined)
      const response = await fetch(`${url()}/v1/messages`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ model: 'any', ...ask }),
      })
      expect(await response.json()).toMatchObject({ content: [{ type: 'text', text: 'pineapple' }] })
    } finally {
      tether.kill()
      await tether.ended
    }
    expect(existsSync(join(consumer.folder, 'node_modules/@tether/mlx/build'))).toBe(false)
  })

  test('has an install script that does and prints nothing', async () => {
    const done = await consumer.run('node', ['node_modules/@tether/mlx/scripts/install.mjs'])
    expect(done).toEqual({ code: 0, signal: null, stdout: '', stderr: '' })
  })

  const answers = `
    .then(async ({ loadModel }) => {
      const model = await loadModel(${JSON.stringify(demo)})
      console.log((await model.message(${JSON.stringify(ask)})).content[0].text)
      await model.close()
    })`

  test.each([
    ['an ES module', 'esm.mjs', `import * as tether from '@tether/mlx'\nPromise.resolve(tether)${answers}`],
    ['CommonJS', 'cjs.cjs', `Promise.resolve(require('@tether/mlx'))${answers}`],
    ['CommonJS with import()', 'dynamic.cjs', `import('@tether/mlx')${answers}`],
  ])('answers to %s', async (_, name, program) => {
    writeFileSync(join(consumer.folder, name), program)
    expect(await consumer.run('node', [name])).toEqual({ code: 0, signal: null, stdout: 'pineapple\n', stderr: '' })
  })

  test('gives require and import the same classes, so that instanceof works across both', async () => {
    const program = `import('@tether/mlx').then((esm) => console.log(esm.TetherError === require('@tether/mlx').TetherError))`
    expect((await consumer.run('node', ['-e', program])).stdout).toBe('true\n')
  })

  test('works after its project was moved: the addon has no path of the build in it', async () => {
    const moved = join(dirname(consumer.folder), 'moved elsewhere')
    renameSync(consumer.folder, moved)
    try {
      const program = `process.chdir(${JSON.stringify(moved)});import('${moved}/node_modules/@tether/mlx/dist/index.js')${answers}`
      const other = makeConsumer()
      expect(await other.run('node', ['-e', program])).toMatchObject({ code: 0, stdout: 'pineapple\n' })
      other.remove()
    } finally {
      renameSync(moved, consumer.folder)
    }
  })

  const typed = `
    import { loadModel, type ErrorCode, type MessageParam, type Model, type Part, readOutput, TetherError } from '@tether/mlx'
    export const load = (folder: string): Promise<Model> => loadModel(folder, { maxContext: 1000 })
    export const code = (error: unknown): ErrorCode | undefined => (error instanceof TetherError ? error.code : undefined)
    export const parts: Part[] = readOutput(['a'], { family: 'gemma4' })
    // @ts-expect-error a misspelled option is an error
    readOutput(['a'], { famly: 'gemma4' })
    const messages: MessageParam[] = [{ role: 'user', content: 'hi' }]
    export const ask = (model: Model) => model.message({ max_tokens: 1, messages, later: 1 })
    // @ts-expect-error so is a request without max_tokens
    export const wrong = (model: Model) => model.message({ messages })
    // @ts-expect-error so is a message that is not awaited
    export const text: string = (await load('x')).message({ max_tokens: 1, messages })
  `
  const required = `
    import tether = require('@tether/mlx')
    export const load = (folder: string): Promise<tether.Model> => tether.loadModel(folder)
    // @ts-expect-error there is no such function
    tether.loadModle('x')
  `

  test.each([
    ['nodenext', 'nodenext', false],
    ['node20', 'node16', false],
    ['node16', 'node16', true],
    ['esnext', 'bundler', false],
  ])(
    'compiles in a TypeScript project with module %s and moduleResolution %s',
    async (module, resolution, skipLibCheck) => {
      for (const name of ['@types/node', 'undici-types']) {
        if (!existsSync(join(consumer.folder, 'node_modules', name))) linkModule(consumer, name)
      }
      writeFileSync(join(consumer.folder, 'a.mts'), typed)
      // CommonJS has no top-level await.
      writeFileSync(join(consumer.folder, 'b.cts'), typed.slice(0, typed.indexOf('    // @ts-expect-error so is')))
      writeFileSync(join(consumer.folder, 'c.cts'), required)
      const files = resolution === 'bundler' ? ['a.mts'] : ['a.mts', 'b.cts', 'c.cts']
      const options = ['--noEmit', '--strict', '--target', 'es2022', '--lib', 'es2023', '--types', 'node']
      options.push('--module', module, '--moduleResolution', resolution, '--skipLibCheck', String(skipLibCheck))
      const { code, stdout } = await consumer.run('node', [tool('typescript', 'tsc'), ...options, ...files])
      expect({ code, stdout }).toEqual({ code: 0, stdout: '' })
    },
  )
})

describe('without a platform package that matches', () => {
  let bare: Consumer
  beforeAll(() => {
    bare = makeConsumer()
    installOffline(bare, { main: packages.main })
  })
  afterAll(() => bare.remove())

  test('tether --version needs no addon', async () => {
    expect(await bare.run('node_modules/.bin/tether', ['--version'])).toMatchObject({ code: 0, stderr: '' })
  })

  test('the install script and the first start try to build the addon, and name the compiler that is missing', async () => {
    for (const args of [['scripts/install.mjs'], ['bin/tether.mjs', '--serve-only', '--model', demo]]) {
      const [program = '', ...rest] = args
      const { code, stderr } = await bare.run('node', [join('node_modules/@tether/mlx', program), ...rest])
      expect(code).toBe(1)
      expect(stderr).toContain('builds its addon on this machine')
      expect(stderr).toContain('a C++20 compiler')
    }
  })

  test('the library throws addon_missing with the command that builds the addon', async () => {
    const program = `import('@tether/mlx').then(({ loadModel }) => loadModel(${JSON.stringify(demo)})).catch((error) => console.log(error.code, error.message))`
    const { stdout } = await bare.run('node', ['-e', program])
    expect(stdout).toMatch(/^addon_missing /)
    const script = /node (\/\S+build\.mjs)/.exec(stdout)?.[1] ?? 'no command'
    expect(existsSync(script), script).toBe(true)
  })

  test('a platform package of another version is not loaded', async () => {
    const other = makeConsumer()
    installOffline(other, packages)
    const manifest = join(other.folder, 'node_modules', platformName, 'package.json')
    writeFileSync(manifest, readFileSync(manifest, 'utf8').replace(/"version": ".*"/, '"version": "0.0.1"'))
    const program = `import('@tether/mlx').then(({ loadModel }) => loadModel(${JSON.stringify(demo)})).catch((error) => console.log(error.code, error.message))`
    expect((await other.run('node', ['-e', program])).stdout).toMatch(/^addon_missing .* it is version 0\.0\.1, not /)
    other.remove()
  })
})

function filesUnder(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath ?? entry.path, entry.name).slice(resolve(folder).length + 1))
    .sort()
}

/** The JavaScript of a package's command line tool. */
function tool(name: string, bin?: string): string {
  const folder = join(root, 'node_modules', name)
  const declared = readManifest(folder).bin as string | Record<string, string>
  const path = typeof declared === 'string' ? declared : bin ? declared[bin] : Object.values(declared)[0]
  return createRequire(join(folder, 'package.json')).resolve(join(folder, path ?? ''))
}
