/** What the server is told of the models that it has. */
import { expect, onTestFinished, test } from 'vitest'
import { type Library, type StartOptions, startModelServer } from '../../../src/cli/serving/model-server.js'
import type { ServedModel } from '../../../src/index.js'
import { fakeLibrary } from '../../support/cli-fake-library.js'

test('the server knows the adapters of models that are not loaded, by the names that requests give', async () => {
  let told: readonly ServedModel[] = []
  const library: Library = {
    ...fakeLibrary,
    serve(model, options) {
      told = options.models ?? []
      return fakeLibrary.serve(model, options)
    },
  }
  const found = (name: string) => ({ name, path: `/models/${name}` })
  const options = {
    ...{
      found: found('org/a'),
      load: {},
      keys: {},
      port: 0,
      portFixed: true,
      log: { warning() {}, debug() {} },
      say() {},
    },
    onListening: () => ({ update() {}, end() {} }),
    more: { others: [{ found: found('b'), load: { adapters: ['/adapters/pirate/', '/adapters/po\net'] } }] },
  } as unknown as StartOptions
  const { close } = await startModelServer(library, options)
  onTestFinished(close)
  expect(told.map(({ name, adapters }) => [name, adapters])).toEqual([
    ['org/a', []],
    ['b', ['pirate', 'po\\net']],
  ])
})
