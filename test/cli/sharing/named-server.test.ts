import { describe, expect, test } from 'vitest'
import type { ServerRecord } from '../../../src/cli/serving/running-servers.js'
import { namedServer } from '../../../src/cli/sharing/named-server.js'

function server(pid: number, model: string, others: string[] = []): ServerRecord {
  const at = (name: string) => ({ name, path: `/models/${name}`, stamp: '1', settings: {} })
  const shared = { socket: '/socket', ...at(model), others: others.map(at) }
  return { pid, model, url: `http://127.0.0.1:${8000 + pid}`, started: '2026-11-01', shared } as ServerRecord
}

const large = server(1, 'gemma', ['small', 'hub/titles'])
const other = server(2, 'hub/llama:pirate')

describe('the server that a command means', () => {
  test.each([
    ['gemma', large],
    ['hub/llama:pirate', other],
    ['hub/llama', other],
    ['llama', other],
    ['8002', other],
    ['1', large],
  ])('by %s', (word, wanted) => {
    expect(namedServer(word, 'stop', [large, other])).toBe(wanted)
  })

  test('is the only one that runs, where nothing is named', () => {
    expect(namedServer(undefined, 'stop', [other])).toBe(other)
  })

  test.each(['small', 'hub/titles', 'titles'])('is not meant by %s, which another command ends with it', (word) => {
    expect(() => namedServer(word, 'stop', [large, other])).toThrow(
      `${word} is one of the models of the server of gemma. To name that server:\n  tether stop 8001`,
    )
  })

  test('is its own server rather than one that has it beside another model', () => {
    const alone = server(3, 'small')
    expect(namedServer('small', 'logs', [large, alone])).toBe(alone)
  })

  test.each([
    ['nope', [large, other], 'no server runs nope. Running: gemma, hub/llama:pirate'],
    [undefined, [large, other], '2 servers run. To name one by its port:'],
    [undefined, [], 'no tether is running'],
  ])('cannot be told for %s', (word, all, message) => {
    expect(() => namedServer(word, 'stop', all)).toThrow(message)
  })
})
