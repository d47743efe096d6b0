/** A prepared turn that another thread posts. */
import { MessageChannel, receiveMessageOnPort } from 'node:worker_threads'
import { expect, test } from 'vitest'
import type { ChatTool } from '../../src/chat/types.js'
import { fromPosted, handedOver, type PostedTurn, toPosted } from '../../src/turn/posted-turn.js'
import type { PreparedTurn, TurnRecord } from '../../src/turn/types.js'

const record = { stream: true, stopSequences: ['x'], sampling: {}, callIdPrefix: 'toolu_' } as unknown as TurnRecord
const turn = (tools: ChatTool[]): PreparedTurn => ({
  tokens: Int32Array.of(1, 2, 3),
  forks: Int32Array.of(2),
  record: { ...record, tools },
})

/** As another thread gets it. */
function sent(posted: PostedTurn): PreparedTurn {
  const { port1, port2 } = new MessageChannel()
  port1.postMessage(posted, handedOver(posted))
  const { message } = receiveMessageOnPort(port2) as { message: PostedTurn }
  port1.close()
  return fromPosted(message)
}

test('is on the other thread what it was, and its tools have their schemas', () => {
  const tools = ['a', 'ü', 'c'].map((name, i) => ({
    name,
    description: 'long',
    schema: { type: 'object', properties: { [`ключ${i}`]: { type: 'string' } } },
  }))
  const { tokens, forks, record: got } = sent(toPosted(turn(tools)))
  expect([[...tokens], [...forks]]).toEqual([[1, 2, 3], [2]])
  expect(got).toMatchObject(record)
  expect(got.tools.map(({ name, schema }) => ({ name, schema }))).toEqual(
    tools.map(({ name, schema }) => ({ name, schema })),
  )
})

test('has no objects that grow with its tools’ schemas, and copies no bytes of them', () => {
  const wide = (count: number) => {
    const properties = Object.fromEntries(Array.from({ length: count }, (_, i) => [`p${i}`, { type: 'string' }]))
    return toPosted(turn([{ name: 't', description: '', schema: { type: 'object', properties } }]))
  }
  const posted = wide(10_000)
  const { schemas } = posted
  const objects = (value: PostedTurn) => JSON.stringify({ ...value, schemas: 0, ends: 0 }).length
  expect(objects(posted)).toBe(objects(wide(1)))
  sent(posted)
  expect(schemas.byteLength).toBe(0)
})

test('a schema of a megabyte is not read', () => {
  const schema = { type: 'object', description: 'x'.repeat(2 ** 20) }
  const { record: got } = sent(toPosted(turn([{ name: 't', description: '', schema }])))
  expect(got.tools[0]?.schema).toEqual({})
})
