/** The file that remembers the last used model. */
import { mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { lastFirst, lastModel, rememberModel } from '../../../src/cli/models/last-model.js'

let folder: string
let file: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'tether-last-test-'))
  file = join(folder, 'home', '.tether', 'last-model.json')
})
afterEach(() => rmSync(folder, { recursive: true }))

describe('the last used model', () => {
  test('is kept in a file that only the user can read, and nothing else is left', () => {
    rememberModel('/models/a', file)
    rememberModel('/models/b', file)
    expect(lastModel(file)).toBe('/models/b')
    expect(statSync(file).mode & 0o777).toBe(0o600)
    expect(readdirSync(join(folder, 'home', '.tether'))).toEqual(['last-model.json'])
  })

  test.each(['', '{', 'null', '[]', '{"path":1}', '\u0000\u0001'])(
    'is unknown if the file is damaged: %j',
    (content) => {
      mkdirSync(join(folder, 'home', '.tether'), { recursive: true })
      writeFileSync(file, content)
      expect(lastModel(file)).toBeUndefined()
      rememberModel('/models/a', file)
      expect(lastModel(file)).toBe('/models/a')
    },
  )

  test('is unknown without a file', () => {
    expect(lastModel(file)).toBeUndefined()
  })

  test('is not kept, without an error, where nothing can be written', () => {
    writeFileSync(join(folder, 'home'), 'a file in the place of the folder')
    rememberModel('/models/a', file)
    expect(lastModel(file)).toBeUndefined()
  })

  test('keeps the old one, without an error, if the file cannot be replaced', () => {
    mkdirSync(file, { recursive: true })
    rememberModel('/models/a', file)
    expect(readdirSync(join(folder, 'home', '.tether'))).toEqual(['last-model.json'])
  })
})

describe('lastFirst', () => {
  const model = (path: string, state: 'ok' | 'damaged' = 'ok') => ({
    name: path,
    path,
    place: 'models' as const,
    state,
  })
  const order = (last?: string) =>
    lastFirst([model('/a'), model('/b'), model('/c', 'damaged')], last).map(({ path }) => path)

  test('moves the last used model to the front, and no other', () => {
    expect(order('/b')).toEqual(['/b', '/a', '/c'])
  })

  test.each([undefined, '/gone', '/c'])('changes nothing for %s, which is unknown or cannot be used', (last) => {
    expect(order(last)).toEqual(['/a', '/b', '/c'])
  })
})
