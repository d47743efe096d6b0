/** Requests that come at once: one that is here whole begins before those whose bodies are on their way. */
import { setImmediate as turn } from 'node:timers/promises'
import { expect, it } from 'vitest'
import { createArrivals } from '../../src/server/arrivals.js'
import { speaks } from '../support/fake-engine.js'
import { ask, hello, serveFake } from '../support/fake-server.js'
import { openRaw, post } from '../support/raw-http.js'
import { until } from '../support/until.js'

it('whole requests begin at once, and of the others one in each turn of the event loop', async () => {
  const arrive = createArrivals()
  const begun: string[] = []
  const come = (name: string, complete: boolean) => void arrive({ complete }).then(() => begun.push(name))
  for (let i = 0; i < 5; i++) come(`slow ${i}`, false)
  come('whole', true)
  await turn()
  expect(begun).toEqual(['whole', 'slow 0'])
  come('late', true)
  await turn()
  expect(begun.slice(2)).toEqual(['late', 'slow 1'])
  for (let i = 0; i < 5; i++) await turn()
  expect(begun.slice(4)).toEqual(['slow 2', 'slow 3', 'slow 4'])
})

it('a request that becomes whole in the same turn counts as one', async () => {
  const arrive = createArrivals()
  const begun: string[] = []
  const growing = { complete: false }
  void arrive({ complete: false }).then(() => begun.push('slow'))
  void arrive(growing).then(() => begun.push('growing'))
  growing.complete = true
  await turn()
  expect(begun).toEqual(['growing', 'slow'])
})

it('of hundreds that come at once each is answered, and each that leaves is logged', async () => {
  const { port, url, lines } = await serveFake(speaks('Hi', { control: '<end>' }))
  const body = JSON.stringify(hello())
  const slow = await Promise.all(
    Array.from({ length: 200 }, () =>
      openRaw(port, post('/v1/messages/count_tokens', `Content-Length: ${body.length}`)),
    ),
  )
  expect((await ask(`${url}/v1/messages`, { body: hello() })).status).toBe(200)
  for (const [i, { socket }] of slow.entries()) {
    if (i % 2) socket.write(body)
    else socket.destroy()
  }
  await until(() => lines.length === 201)
  const statuses = lines.map(({ status }) => status)
  expect([200, 499].map((status) => statuses.filter((one) => one === status).length)).toEqual([101, 100])
})
