/**
 * Requests in which anything may be anything are answered with 2xx or 4xx, by every family, also where the model answers
 * with a call of the tool. TETHER_FUZZ_REQUESTS sets how many are sent, TETHER_FUZZ_SEED which.
 */
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { FAMILIES } from '../../src/chat/families.js'
import { templateFamily } from '../../src/chat/templates/template-family.js'
import { loadTokenizer } from '../../src/chat/tokenizer/load.js'
import type { PromptPiece } from '../../src/chat/types.js'
import { serve } from '../../src/server/serve.js'
import { CHATML_TOKENS, HERMES } from '../support/chat-templates.js'
import { speaks } from '../support/fake-engine.js'
import { fakeModel } from '../support/fake-model.js'
import { seeded } from '../support/random.mjs'
import { spoiledRequest, wholeRequest } from '../support/request-fuzzer.js'
import { WHOLE_OPENAI } from '../support/whole-openai-requests.js'

const count = Number(process.env.TETHER_FUZZ_REQUESTS ?? 5000)
const seed = Number(process.env.TETHER_FUZZ_SEED ?? 17)
const demo = join(import.meta.dirname, '..', '..', 'demo', 'model')

const PATHS = [...Array(4).fill('/v1/messages'), '/v1/messages/count_tokens', ...Object.keys(WHOLE_OPENAI)] as string[]

const ANSWERS: Record<string, string[]> = {
  gemma4: [
    '<|tool_call>call:t{a:<|"|>x<|"|>,b:[1],c:{e:1},__proto__:1}<tool_call|>',
    '<|tool_call>call:bash{command:<|"|>ls<|"|>}<tool_call|>',
    'Hello STOP',
  ],
  gemma3: ['```tool_call\n{"name": "t", "arguments": {"a": "x", "b": "1", "c": {"e": "1"}}}\n```', 'Hello'],
  llama3: ['{"name": "t", "parameters": {"a": "x", "b": [1], "f": {"g": "true"}}}', 'Hello'],
  jinja: ['<tool_call>\n{"name": "t", "arguments": {"a": 5, "b": null, "toString": {}}}\n</tool_call>', 'Hello'],
}

const hermes = templateFamily({ source: HERMES, path: '/x/chat_template.jinja', tokens: {}, controls: CHATML_TOKENS })
const families = { ...FAMILIES, jinja: { ...FAMILIES.gemma3, name: 'jinja', render: hermes.render } }

test.each(Object.keys(ANSWERS))(
  '%s answers spoiled requests with 2xx or 4xx',
  async (name) => {
    // Of another family it has no control tokens, so those are left out of prompts.
    const own = await loadTokenizer(demo)
    const known = (piece: PromptPiece) => typeof piece === 'string' || 'tokens' in piece || own.id(piece.control)
    const tokenizer = { ...own, encodePrompt: (pieces: PromptPiece[]) => own.encodePrompt(pieces.filter(known)) }
    const random = seeded(seed)
    const engine = speaks('x')
    const family = families[name as keyof typeof families] as (typeof FAMILIES)[string]
    engine.generate = async function* ({ prompt }) {
      const tokens = tokenizer.encode(random.pick(ANSWERS[name] as string[]), { special: true })
      const times = { queueSeconds: 0, prefillSeconds: 0, decodeSeconds: 0, draftedTokens: 0, acceptedTokens: 0 }
      const counts = { promptTokens: prompt.length, computedTokens: prompt.length, outputTokens: tokens.length }
      const finish = { reason: 'stop' as const, ...counts, cachedTokens: 0, createdTokens: 0, miss: null, ...times }
      yield { tokens, finish }
    }
    const model = fakeModel(engine, { family, tokenizer })
    const server = await serve(model, { port: 0 })
    const seen = new Map<number, number>()
    const send = async (path: string, body: string) => {
      const headers = { 'content-type': 'application/json' }
      const reply = await fetch(server.url + path, {
        method: 'POST',
        headers,
        body,
        signal: AbortSignal.timeout(20_000),
      })
      const text = await reply.text()
      if (reply.status >= 500) expect.fail(`${reply.status} ${text}\nfor ${path} with ${body}`)
      seen.set(reply.status, (seen.get(reply.status) ?? 0) + 1)
    }
    try {
      await send('/v1/messages', JSON.stringify(wholeRequest()))
      expect([...seen]).toEqual([[200, 1]])
      for (const [path, whole] of Object.entries(WHOLE_OPENAI)) await send(path, JSON.stringify(whole()))
      expect([...seen]).toEqual([[200, 4]])
      const share = Math.ceil(count / Object.keys(ANSWERS).length)
      for (let i = 0; i < share; i++) {
        const path = random.pick(PATHS)
        await send(path, spoiledRequest(random, WHOLE_OPENAI[path]?.()))
      }
    } finally {
      await server.close()
    }
    // Neither all good nor all bad: the fuzzer would have stopped to reach the code behind the door.
    expect(seen.get(200)).toBeGreaterThan(count / 40)
    expect(seen.get(400)).toBeGreaterThan(count / 40)
    expect(({} as { a?: unknown }).a).toBeUndefined()
  },
  Math.max(120_000, count * 20),
)
