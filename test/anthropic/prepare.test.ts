/** From the bytes of a body to the token ids of its prompt, in one step that another thread could take. */
import { describe, expect, it } from 'vitest'
import { countBody, countMessage, prepareBody, prepareMessage } from '../../src/anthropic/prepare.js'
import { prompterOf } from '../../src/turn/answer-turn.js'
import type { Prompter } from '../../src/turn/types.js'
import { speaks } from '../support/fake-engine.js'
import { fakeTurnModel } from '../support/fake-model.js'
import { hello } from '../support/fake-server.js'
import { fakeTokenizer } from '../support/fake-tokenizer.js'

const prompter: Prompter = prompterOf(fakeTurnModel(speaks()))
const bytes = (body: unknown) => Buffer.from(typeof body === 'string' ? body : JSON.stringify(body))
const READ = { name: 'Read', description: 'reads', input_schema: { type: 'object' } }

describe('preparing a body', () => {
  it('gives the token ids of the prompt', () => {
    const { tokens } = prepareBody(prompter, bytes(hello({ system: 'be brief' })))
    expect(fakeTokenizer().decode(tokens)).toBe('<turn>system be brief<end><turn>user hi<end><turn>assistant ')
  })

  it('gives a record of everything that the answer needs', () => {
    const body = {
      ...hello({ stream: true, temperature: 0.5, top_k: 3, seed: 7, stop_sequences: ['END'], tools: [READ] }),
      tool_choice: { type: 'tool', name: 'Read', disable_parallel_tool_use: true },
      thinking: { type: 'enabled', budget_tokens: 20 },
    }
    expect(prepareBody(prompter, bytes(body)).record).toEqual({
      model: 'some-model',
      stream: true,
      maxTokens: 1000,
      thinkingBudget: 20,
      noCalls: false,
      thinking: true,
      sampling: { temperature: 0.5, topK: 3, seed: 7 },
      stopSequences: ['END'],
      parallelCalls: false,
      callIdPrefix: 'toolu_',
      tools: [{ name: 'Read', description: 'reads', schema: { type: 'object' } }],
      repetition: { times: 0, tokens: 6554 },
      inThought: false,
      begun: [{ control: '<call>' }, '{"name":"Read","input":'],
    })
  })

  it('gives plain data, which survives being posted to another thread', () => {
    const prepared = prepareBody(prompter, bytes(hello({ tools: [READ] })), { keepPieces: true })
    expect(structuredClone(prepared)).toEqual(prepared)
  })

  it('gives the same as preparing the request as an object', () => {
    expect(prepareBody(prompter, bytes(hello()))).toEqual(prepareMessage(prompter, hello()))
  })

  it('remembers the answer to a user message, but no answer that the request itself began', () => {
    const begun = {
      messages: [
        { role: 'user', content: 'hi' },
        { role: 'assistant', content: 'Well' },
      ],
    }
    expect(prepareMessage(prompter, hello()).record.rememberAt).toEqual(expect.any(String))
    expect(prepareMessage(prompter, hello(begun)).record.rememberAt).toBeUndefined()
    expect(
      prepareMessage(prompter, hello({ tools: [READ], tool_choice: { type: 'any' } })).record.rememberAt,
    ).toBeUndefined()
  })

  it.each([
    ['{"model"', /^the body is not valid JSON: /],
    [hello({ model: undefined }), /^model: Field required$/],
    [hello({ tool_choice: { type: 'any' } }), /^tool_choice: the request has no tools$/],
    [
      hello({ tools: [READ], tool_choice: { type: 'tool', name: 'Grep' } }),
      /^tool_choice: no tool named Grep in tools$/,
    ],
  ])('rejects %j', (body, message) => {
    for (const prepare of [prepareBody, countBody]) {
      expect(() => prepare(prompter, bytes(body))).toThrow(
        expect.objectContaining({ code: 'invalid_request', message: expect.stringMatching(message) }),
      )
    }
  })

  it('counts the tokens that it gives', () => {
    const body = hello({ tools: [READ], tool_choice: { type: 'any' } })
    const { tokens } = prepareBody(prompter, bytes(body))
    expect(countBody(prompter, bytes(body))).toEqual({ length: tokens.length, model: 'some-model' })
    expect(countMessage(prompter, body)).toBe(tokens.length)
  })
})
