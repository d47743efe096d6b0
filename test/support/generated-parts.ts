/** What a model generates, in short: `text('Hi'), call('Read', { path: 'a' }), end('stop')`. */
import type { FinishReason } from '../../src/engine/types.js'
import type { GeneratedPart } from '../../src/turn/read-answer.js'

export const text = (text: string): GeneratedPart => ({ type: 'text', text })
export const thinking = (text: string): GeneratedPart => ({ type: 'thinking', text })
export const call = (name: string, input = {}): GeneratedPart => ({ type: 'tool_call', name, input })
export const end = (reason: FinishReason = 'stop', stopSequence?: string): GeneratedPart => ({
  type: 'end',
  finish: {
    reason,
    promptTokens: 10,
    cachedTokens: 4,
    createdTokens: 5,
    computedTokens: 6,
    miss: null,
    outputTokens: 7,
    queueSeconds: 0,
    prefillSeconds: 0,
    decodeSeconds: 0,
    draftedTokens: 0,
    acceptedTokens: 0,
  },
  stopSequence,
  thinkingTokens: 3,
})

export async function* from<T>(items: T[]): AsyncGenerator<T> {
  yield* items
}

export async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = []
  for await (const item of items) all.push(item)
  return all
}
