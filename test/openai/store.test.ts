/** Responses are kept until others need the room, and whole conversations or nothing of them is found. */
import { expect, it } from 'vitest'
import type { ChatMessage } from '../../src/chat/types.js'
import { type Added, createResponseStore, packed, unpacked } from '../../src/openai/responses/store.js'

const bytes = (text: string) => new TextEncoder().encode(text)
const says = (text: string, response = '{}'): Added => {
  const messages: ChatMessage[] = [{ role: 'user', parts: [{ type: 'text', text }] }]
  return { said: [packed(messages)], response: bytes(response) }
}
const words = (said: Uint8Array[] | undefined) =>
  said &&
  unpacked(said)
    .map(({ parts }) => parts.map((part) => ('text' in part ? part.text : '')).join())
    .join()

it('a response is found with all that came before it', () => {
  const store = createResponseStore()
  store.keep('a', undefined, says('a'))
  store.keep('b', 'a', says('b'))
  store.keep('c', 'a', says('c'))
  expect(words(store.find('b'))).toBe('a,b')
  expect(words(store.find('c'))).toBe('a,c')
  expect(store.find('d')).toBeUndefined()
})

it('the one that was used least recently is dropped, but not what others continue', () => {
  const store = createResponseStore({ mostResponses: 3 })
  store.keep('a', undefined, says('a'))
  store.keep('b', 'a', says('b'))
  store.keep('other', undefined, says('other'))
  store.find('b')
  store.keep('c', 'b', says('c'))
  expect(store.find('a')).toBeUndefined()
  store.keep('d', 'c', says('d'))
  expect(store.find('other')).toBeUndefined()
  expect(words(store.find('d'))).toBe('a,b,c,d')
})

it('one that continues what was dropped in the meantime is not kept', () => {
  const store = createResponseStore({ mostResponses: 1 })
  store.keep('a', undefined, says('a'))
  store.keep('b', undefined, says('b'))
  store.keep('c', 'a', says('c'))
  expect(store.find('c')).toBeUndefined()
  expect(words(store.find('b'))).toBe('b')
})

it('the size is bounded, and freed when the last response that needs a text is gone', () => {
  const store = createResponseStore({ mostBytes: 10_000 })
  store.keep('big', undefined, says('x'.repeat(10_000)))
  expect(store.find('big')).toBeUndefined()
  for (let i = 0; i < 1000; i++) {
    store.keep(`a${i}`, undefined, says('x'.repeat(1000)))
    store.keep(`b${i}`, `a${i}`, says('y'.repeat(1000)))
    expect(words(store.find(`b${i}`))).toBe(`${'x'.repeat(1000)},${'y'.repeat(1000)}`)
  }
  const kept = Array.from({ length: 1000 }, (_, i) => store.find(`b${i}`)).filter(Boolean)
  expect(kept.length).toBeLessThan(5)
})

it('a conversation that outgrows the bound is dropped whole', () => {
  const store = createResponseStore({ mostBytes: 20_000 })
  let previous: string | undefined
  for (let i = 0; i < 100; i++) {
    store.keep(`r${i}`, previous, says('z'.repeat(500)))
    previous = `r${i}`
  }
  expect(store.find('r99')).toBeUndefined()
  store.keep('new', undefined, says('n'))
  expect(words(store.find('new'))).toBe('n')
})

it('a response is read as it was, and gone once it is forgotten', () => {
  const store = createResponseStore()
  store.keep('a', undefined, says('a', '{"id":"a"}'))
  store.keep('b', 'a', says('b', '{"id":"b"}'))
  expect(Buffer.from(store.read('a') ?? []).toString()).toBe('{"id":"a"}')
  expect([store.forget('a'), store.forget('a')]).toEqual([true, false])
  expect([store.read('a'), store.find('a')]).toEqual([undefined, undefined])
  // What continues it is whole.
  expect(words(store.find('b'))).toBe('a,b')
})

it('the texts of responses count, and are freed before what others continue', () => {
  const store = createResponseStore({ mostBytes: 20_000 })
  let previous: string | undefined
  for (let i = 0; i < 10; i++) {
    store.keep(`r${i}`, previous, says('a', 'x'.repeat(4000)))
    previous = `r${i}`
  }
  const kept = Array.from({ length: 10 }, (_, i) => store.read(`r${i}`)?.byteLength)
  expect(kept.filter(Boolean).length).toBeLessThan(5)
  expect(kept.at(-1)).toBe(4000)
  expect(words(store.find('r9'))).toBe(Array(10).fill('a').join())
})
