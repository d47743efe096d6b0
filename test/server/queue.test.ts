/** Places for requests: bounded for all together, and for each client so that a newcomer finds one. */
import { describe, expect, it } from 'vitest'
import { createQueue } from '../../src/server/queue.js'
import { speaks } from '../support/fake-engine.js'
import { ask, hello, serveFake } from '../support/fake-server.js'
import { until } from '../support/until.js'

/** Takes places until there is none. -> how many there were, and what gives each back */
function fill(queue: ReturnType<typeof createQueue>, sender: string): (() => void)[] {
  const taken: (() => void)[] = []
  while (!queue.isFull(sender)) taken.push(queue.enter(sender))
  expect(() => queue.enter(sender)).toThrow(/requests are already waiting/)
  return taken
}

describe('one client after another', () => {
  it.each([
    [96, [72, 18, 5, 1, 0]],
    [16, [12, 3, 1, 0]],
    [4, [3, 1, 0]],
    [3, [3, 0]],
    [1, [1, 0]],
  ])('gets of %i places %j', (most, places) => {
    const queue = createQueue(most)
    expect(places.map((_, i) => fill(queue, `client ${i}`).length)).toEqual(places)
  })
})

it('a place that is given back twice is free once', () => {
  const queue = createQueue(8)
  const [first] = fill(queue, 'one')
  first?.()
  first?.()
  expect(fill(queue, 'one')).toHaveLength(1)
})

it('a client gets more places once another has left', () => {
  const queue = createQueue(16)
  const first = fill(queue, 'first')
  expect(fill(queue, 'second')).toHaveLength(3)
  for (const leave of first) leave()
  expect(fill(queue, 'second')).toHaveLength(9)
})

it('while one client has sent all that it may, another is let in', async () => {
  const engine = speaks('hang')
  const { url } = await serveFake(engine, { maxRequests: 4 })
  const as = (agent: string) => ({ headers: { 'user-agent': agent }, body: hello() })
  const send = (agent: string) => void ask(`${url}/v1/messages`, as(agent)).catch(() => {})
  for (let i = 0; i < 3; i++) send('greedy/1.0')
  await until(() => engine.requests.length === 3)
  const refused = await ask(`${url}/v1/messages`, as('greedy/1.0'))
  expect([refused.status, refused.json.error.message]).toEqual([
    429,
    '3 requests are already waiting, 3 of them of this client (max_requests)',
  ])
  send('other/1.0')
  await until(() => engine.requests.length === 4)
})
