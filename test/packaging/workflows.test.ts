/** The workflows in .github name only scripts and files that exist. */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { readManifest, root } from '../support/consumer.js'

const workflow = (name: string) => readFileSync(join(root, '.github/workflows', `${name}.yml`), 'utf8')

describe.each(['ci', 'release'])('%s.yml', (name) => {
  test('runs only npm scripts that exist', () => {
    const { scripts } = readManifest(root) as unknown as { scripts: Record<string, string> }
    const called = [...workflow(name).matchAll(/npm (?:run )?(test(?::\w+)?|(?<=run )[\w:-]+)/g)].map(
      ([, script]) => script,
    )
    expect(called.length).toBeGreaterThan(2)
    expect(Object.keys(scripts)).toEqual(expect.arrayContaining(called))
  })

  test('names only files that exist', () => {
    const files = [...workflow(name).matchAll(/(?:scripts|third_party|docs|test)\/[\w./-]+/g)].map(([file]) => file)
    expect(files.filter((file) => !existsSync(join(root, file.replace(/\.$/, ''))))).toEqual([])
  })
})

test('release.yml packs every platform package that the main package depends on', () => {
  const asked = readFileSync(join(root, 'scripts/pack.mjs'), 'utf8').matchAll(/^ {2}'(\w+-\w+)': \{ os/gm)
  const packed = workflow('release').matchAll(/platform: ([\w-]+),/g)
  const names = [...asked].map(([, platform]) => platform).sort()
  expect(names).toContain('linux-x64')
  expect([...packed].map(([, platform]) => platform).sort()).toEqual(names)
})
