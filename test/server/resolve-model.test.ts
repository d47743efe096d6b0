import { expect, it } from 'vitest'
import { resolveModel } from '../../src/server/resolve-model.js'

it.each<[string | undefined, string]>([
  ['big', 'big'],
  ['org/small', 'org/small'],
  ['smaller', 'big'],
  ['other', 'other'],
  ['claude-opus-5-5', 'big'],
  [undefined, 'big'],
  ['', 'big'],
  ['claude-haiku-5-5', 'org/small'],
  ['claude-3-5-haiku-20241022', 'org/small'],
  ['claude-haiku-4-5@20251001', 'org/small'],
  ['Haiku', 'org/small'],
  ['tether-small', 'org/small'],
  ['my-haiku-writer', 'big'],
  ['claude-haikus', 'big'],
])('%s is answered by %s', (name, model) => {
  const all = ['big', 'other', 'org/small']
  expect(resolveModel(name, { first: 'big', all, small: 'org/small' })).toEqual({ model })
  if (model === 'org/small' && name !== model) expect(resolveModel(name, { first: 'big', all }).model).toBe('big')
})

// As --model takes it too.
it.each([
  ['b', 'org/b'],
  ['b:poet', 'org/b'],
  ['c', 'c'],
  ['d', 'org/d:poet'],
  ['d:poet', 'org/d:poet'],
  ['org', 'a'],
  ['bb', 'a'],
])('of several, %s is answered by %s', (name, model) => {
  expect(resolveModel(name, { first: 'a', all: ['a', 'org/b', 'org/c', 'c', 'org/d:poet'] })).toEqual({ model })
})
