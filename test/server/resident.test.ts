/** One of the models of a server: when it may be closed under its requests. */
import { expect, test } from 'vitest'
import { Resident } from '../../src/server/resident.js'
import { speaks } from '../support/fake-engine.js'
import { fakeModel } from '../support/fake-model.js'

test('a model is stuck if all its requests wait for the engine, and not while one of them is being prepared', () => {
  const engine = speaks('hello')
  const stats = { ...engine.stats(), live: 0, queued: 0 }
  const one = new Resident('a', { name: 'a', load: async () => fakeModel(engine) })
  expect(one.isStuck).toBe(false)
  one.settle({ ...fakeModel(engine), stats: () => stats })
  one.users = 2
  stats.queued = 1
  expect(one.isStuck).toBe(false)
  stats.queued = 2
  expect(one.isStuck).toBe(true)
  stats.live = 1
  expect(one.isStuck).toBe(false)
})
