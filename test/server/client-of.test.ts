/** Which requests share one part of the engine. */
import { expect, it } from 'vitest'
import { clientOf, senderOf, sessionOf } from '../../src/server/client-of.js'

const SYSTEM = Array.from({ length: 40 }, (_, i) => i)

interface Sent {
  headers?: Record<string, string>
  key?: string
  prompt?: number[]
}

const client = ({ headers = {}, key, prompt = SYSTEM }: Sent) =>
  clientOf(new Request('http://localhost/', { headers }), key)(Int32Array.from(prompt))

const session = (id: string) => ({ 'x-claude-code-session-id': id })

it.each<[what: string, one: Sent, other: Sent, same: boolean]>([
  ['a session with two prompts', { headers: session('a') }, { headers: session('a'), prompt: [7] }, true],
  [
    'an agent of a session',
    { headers: session('a') },
    { headers: { ...session('a'), 'x-claude-code-agent-id': 'b' } },
    true,
  ],
  ['two sessions', { headers: session('a') }, { headers: session('b') }, false],
  ['two keys with one session', { headers: session('a'), key: 'x' }, { headers: session('a'), key: 'y' }, false],
  ['two keys with one prompt', { key: 'x' }, { key: 'y' }, false],
  ['prompts that begin alike', { prompt: [...SYSTEM, 1] }, { prompt: [...SYSTEM, 2, 3] }, true],
  ['prompts that begin otherwise', {}, { prompt: [9, ...SYSTEM] }, false],
  ['a session and a prompt', { headers: session('a') }, {}, false],
])('%s', (_, one, other, same) => {
  expect(client(one) === client(other)).toBe(same)
})

it.each([['a'.repeat(65)], ['two words'], ['a\tb'], ['']])('a header with %j names no session', (id) => {
  expect(sessionOf(new Headers(session(id)))).toBeUndefined()
  expect(client({ headers: session(id) })).toBe(client({}))
})

it('before its prompt is known a client is its session, or its program, with its key', () => {
  const sender = (headers: Record<string, string>, key?: string) =>
    senderOf(new Request('http://localhost/', { headers }), key)
  const program = { 'user-agent': 'editor/1.0' }
  expect(sender({ ...session('a'), ...program })).toBe(sender(session('a')))
  const others = [sender(session('a')), sender(session('b')), sender(program), sender({}), sender({}, 'x')]
  expect(new Set(others).size).toBe(others.length)
  expect(sender({ 'user-agent': 'a'.repeat(10_000) }).length).toBeLessThan(100)
})
