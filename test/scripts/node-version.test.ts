/** A Node that is too old is told so, by every way into tether. */
import { spawn } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { collectOutput } from '../support/cli-output.js'

const root = join(import.meta.dirname, '..', '..')
const read = (path: string) => readFileSync(join(root, path), 'utf8')
const { wrongNode } = createRequire(import.meta.url)('../../scripts/node-version.cjs') as {
  wrongNode(version?: string): string | undefined
}

describe('wrongNode', () => {
  test.each(['20.19.0', '20.20.2', '22.12.0', '22.21.1', '23.0.0', '24.11.0', '26.0.0-nightly2026'])(
    '%s is right',
    (version) => expect(wrongNode(version)).toBeUndefined(),
  )

  test.each(['12.22.12', '18.20.8', '19.9.0', '20.10.0', '20.18.3', '21.7.3', '22.0.0', '22.11.0'])(
    '%s is too old, and the message says what to install',
    (version) => {
      expect(wrongNode(version)).toContain(`; this is ${version}. `)
      expect(wrongNode(version)).toContain('\n  nvm install 22\n')
    },
  )

  test('says what package.json says', () => {
    expect(JSON.parse(read('package.json')).engines).toEqual({ node: '^20.19 || >=22.12' })
    expect(wrongNode('18.20.8')).toContain('Node 20.19 or newer in the 20 line, or 22.12 and up;')
    expect(read('README.md')).toContain('Node 20.19 or newer in the 20 line, or 22.12 and up.')
  })
})

const programs = ['bin/tether.mjs', 'scripts/start.mjs', 'scripts/build.mjs', 'scripts/install.mjs']

// What is imported statically is linked first, and an old Node fails there, before anything could be said.
test.each(programs)('%s imports nothing statically that an old Node may lack', (program) => {
  const imported = [...read(program).matchAll(/^import .* from '(.*)'$/gm)].map(([, name]) => name)
  expect(imported).toContain(program.startsWith('bin') ? '../scripts/node-version.cjs' : './node-version.cjs')
  const known = [/node-version\.cjs$/, /^node:(child_process|fs|url)$/]
  expect(imported.filter((name) => !known.some((pattern) => pattern.test(name ?? '')))).toEqual([])
  expect(read(program)).not.toMatch(/^await |\?\.|\?\?/m)
})

test('the library checks before everything else', () => {
  expect(/^import '(.*)'|from '(.*)'/m.exec(read('src/index.ts'))?.[1]).toBe('./check-node.js')
})

test('the library imports by name nothing of Node that an old one lacks, which could not link it then', () => {
  const files = readdirSync(join(root, 'src'), { recursive: true, encoding: 'utf8' })
  const library = files.filter((file) => file.endsWith('.ts') && !file.startsWith('cli/'))
  expect(library).toContain('chat/tokenizer/table-file.ts')
  const imported = library.flatMap((file) =>
    [...read(join('src', file)).matchAll(/^import \{([^}]*)\} from 'node:[\w/]+'/gm)].map(
      ([line]) => `${file}: ${line}`,
    ),
  )
  expect(imported.length).toBeGreaterThan(20)
  expect(imported.filter((line) => newerThanNode18.test(line))).toEqual([])
})

/** What Node 20 and later have added, and could be of use here. */
const newerThanNode18 =
  /\b(crc32|hash|styleText|parseEnv|getCallSites?|glob(Sync)?|openAsBlob|registerHooks|findPackageJSON|enableCompileCache|stripTypeScriptTypes|\w*[zZ]std\w*)\b/

describe('on an old Node', () => {
  let folder: string
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'tether-old-node-'))
    const old = "Object.defineProperty(process, 'versions', { value: { ...process.versions, node: '18.20.8' } })"
    writeFileSync(join(folder, 'old.cjs'), old)
  })
  afterAll(() => rmSync(folder, { recursive: true, force: true }))

  const run = (args: string[]) => {
    const words = ['--require', join(folder, 'old.cjs'), ...args]
    return collectOutput(spawn(process.execPath, words, { cwd: root, stdio: ['ignore', 'pipe', 'pipe'] })).ended
  }

  test.each([
    ['bin/tether.mjs', '--version'],
    ['bin/tether.mjs', '--list'],
    ['scripts/start.mjs', '--help'],
    ['scripts/build.mjs'],
  ])('%s %s says only what to install', async (...words) => {
    expect(await run(words)).toEqual({ code: 1, signal: null, stdout: '', stderr: `${wrongNode('18.20.8')}\n` })
  })

  test.each([
    ['import', "import('@tether/mlx').catch(({ message }) => console.log(message))"],
    ['require', "try { require('@tether/mlx') } catch ({ message }) { console.log(message) }"],
  ])('%s of the library throws it', async (_, program) => {
    const { stdout, stderr } = await run(['-e', program])
    expect({ stdout, stderr }).toEqual({ stdout: `${wrongNode('18.20.8')}\n`, stderr: '' })
  })
})
