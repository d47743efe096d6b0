/** docs/library.md: every example runs and prints what the page shows below it. */
import { execFileSync } from 'node:child_process'
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { type Consumer, linkModule, makeConsumer, root } from '../support/consumer.js'

// The tests start a compiler and a model in other processes, on a machine that may be busy.
vi.setConfig({ testTimeout: 90_000 })

const page = readFileSync(join(root, 'docs/library.md'), 'utf8')

/** Each program, a file name from the heading above it, and the output that the page shows. */
const examples = [...page.matchAll(/```(js|cjs)\n([\s\S]*?)\n```\n(?:\n```text\n([\s\S]*?)```)?/g)].map(
  ([whole, language, program = '', output]) => {
    const heading = [...page.slice(0, page.indexOf(whole)).matchAll(/^#+ (.*)$/gm)].at(-1)?.[1] ?? ''
    const file = `${heading.replaceAll(' ', '-').toLowerCase()}.${language === 'js' ? 'mjs' : 'cjs'}`
    return { file, program, output }
  },
)

let consumer: Consumer
beforeAll(() => {
  execFileSync(process.execPath, [join(root, 'scripts/build.mjs')], { stdio: 'pipe' })
  consumer = makeConsumer()
  for (const name of ['@types/node', 'undici-types']) linkModule(consumer, name)
  mkdirSync(join(consumer.folder, 'node_modules/@tether'))
  symlinkSync(root, join(consumer.folder, 'node_modules/@tether/mlx'))
  for (const { file, program } of examples) writeFileSync(join(consumer.folder, file), program)
}, 180_000)
afterAll(() => consumer?.remove())

describe('docs/library.md', () => {
  test('has an example of everything that the library exports', () => {
    expect(examples.length).toBeGreaterThan(10)
    expect(new Set(examples.map(({ file }) => file)).size).toBe(examples.length)
    const index = readFileSync(join(root, 'src/index.ts'), 'utf8').replaceAll(/export type \{[^}]*\}/g, '')
    const exported = [...index.matchAll(/export \{([^}]*)\}/g)]
      .flatMap(([, names]) => (names ?? '').split(','))
      .map((name) => name.trim())
      .filter((name) => name && !name.startsWith('type '))
    expect(exported).toContain('loadModel')
    for (const name of exported) {
      expect(
        examples.filter(({ program }) => program.includes(name)),
        name,
      ).not.toEqual([])
    }
    const model = [
      ['src/load-model.ts', 'Model'],
      ['src/model/types.ts', 'LoadedModel'],
    ]
      .map(([file = '', name]) => interfaceOf(file, `${name}`))
      .join('\n')
    expect(model).toContain('countTokens(')
    expect(model).toContain('generate(')
    for (const [, method] of model.matchAll(/^ {2}(\w+)\(/gm)) {
      expect(
        examples.filter(({ program }) => program.includes(`model.${method}(`)),
        method,
      ).not.toEqual([])
    }
  })

  test('names every error code and every option', () => {
    const named = [...page.matchAll(/^\| `(\w+)` +\|/gm)].map(([, name]) => name)
    const [ofLibrary = ''] = readFileSync(join(root, 'src/errors.ts'), 'utf8').split('export type ServerFault')
    const codes = ofLibrary.matchAll(/^ {2}\| '(\w+)'/gm)
    const options = [
      interfaceOf('src/model/types.ts', 'OpenModelOptions'),
      interfaceOf('src/load-model.ts', 'LoadModelOptions'),
      interfaceOf('src/server/serve.ts', 'ServeOptions'),
    ].flatMap((body) => [...body.matchAll(/^ {2}(\w+)\?:/gm)])
    const expected = [...codes, ...options].map(([, name]) => name)
    expect(expected.length).toBeGreaterThan(20)
    expect(named.sort()).toEqual(expected.sort())
  })

  test('has examples that pass the type checker', async () => {
    const options = ['--noEmit', '--strict', '--allowJs', '--checkJs', '--target', 'es2023', '--module', 'nodenext']
    const files = examples.map(({ file }) => file)
    const { code, stdout } = await consumer.run('node', [
      join(root, 'node_modules/typescript/lib/tsc.js'),
      ...options,
      '--types',
      'node',
      '--skipLibCheck',
      ...files,
    ])
    expect({ code, stdout }).toEqual({ code: 0, stdout: '' })
  })

  test.each(examples)('$file prints what the page says', async ({ file, output }) => {
    expect(output).toBeDefined()
    expect(await consumer.run('node', [file])).toEqual({ code: 0, signal: null, stdout: output, stderr: '' })
  })
})

/** What stands between the braces of an exported interface. */
function interfaceOf(file: string, name: string): string {
  const text = readFileSync(join(root, file), 'utf8')
  return new RegExp(`export interface ${name}\\b[^{]*\\{\\n([\\s\\S]*?)\\n\\}`).exec(text)?.[1] ?? ''
}
