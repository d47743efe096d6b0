/** What TETHER_DEBUG writes, from a request over HTTP to the file. */
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { answerMessage, streamMessage } from '../../../src/anthropic/messages.js'
import { openDebugLog } from '../../../src/cli/log/debug-log.js'
import { serve } from '../../../src/server/serve.js'
import { speaks } from '../../support/fake-engine.js'
import { fakeModel, fakeTurnModel } from '../../support/fake-model.js'
import { ask, hello } from '../../support/fake-server.js'

const END = { control: '<end>' }

function open() {
  const folder = mkdtempSync(join(tmpdir(), 'tether-debug-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  const logs = join(folder, 'logs')
  const log = openDebugLog(logs)
  onTestFinished(() => log.close())
  return { log, logs, read: () => readFileSync(log.path, 'utf8') }
}

describe('the debug log', () => {
  it('has its own file for every run, and removes those of runs long ago', () => {
    const { log, logs } = open()
    expect(basename(log.path)).toMatch(new RegExp(`^debug-\\d{8}-\\d{6}-${process.pid}\\.log$`))
    // Beyond the largest process id of any system.
    const old = Array.from(
      { length: 30 },
      (_, run) => `debug-202601${String(run + 1).padStart(2, '0')}-000000-99999999.log`,
    )
    for (const name of old) writeFileSync(join(logs, name), '')
    openDebugLog(logs).close()
    expect(readdirSync(logs).sort()).toEqual(old.slice(10))
  })

  it('has request, prompt, answer and reuse of each turn, is private, and holds no key', async () => {
    const { log, read } = open()
    const engine = speaks({ control: '<think>' }, 'hm', { control: '</think>' }, 'Hello', END)
    engine.cachedTokens = 5
    engine.createdTokens = 20
    const server = await serve(fakeModel(engine, { onDebug: log.onDebug }), { port: 0, apiKey: 'sk-very-secret' })
    onTestFinished(() => server.close())
    const send = (content: string) =>
      ask(`${server.url}/v1/messages`, {
        body: hello({ messages: [{ role: 'user', content }] }),
        headers: { authorization: 'Bearer sk-very-secret', 'x-api-key': 'sk-very-secret' },
      })
    await send('say <turn>')
    await send('say hi')
    expect(statSync(log.path).mode & 0o777).toBe(0o600)
    const text = read()
    expect(text).toMatch(/^==== turn 1, request at 20\d\d-/)
    expect(text).toContain('"content": "say <turn>"')
    expect(text).toContain('==== turn 1, prompt of 28 tokens\n⟦<turn>⟧user say <turn>⟦<end>⟧⟦<turn>⟧assistant \n')
    expect(text).toContain('==== turn 1, reuse\nshares nothing with an earlier turn\n')
    expect(text).toContain('==== turn 1, answer of 9 tokens\n⟦<think>⟧hm⟦</think>⟧Hello\n')
    expect(text).toContain(
      '==== turn 1, end\nstop at token 1114113, 5 of 28 prompt tokens were cached, 23 computed, 20 newly kept, 9 generated, 0.000 s in the queue',
    )
    expect(text).toContain(
      '==== turn 2, reuse\nbegins with the first 10 tokens of turn 1; then here "h" (104), there "<" (60)\n',
    )
    expect(text).not.toContain('secret')
  })

  it('names the earlier turn with the longest common prefix, its answer included', async () => {
    const { log, read } = open()
    const model = fakeTurnModel(speaks('Hello', END), { onDebug: log.onDebug })
    const talk = async (...messages: string[]) => {
      const turns = messages.map((content, i) => ({ role: i % 2 ? 'assistant' : 'user', content }))
      await answerMessage(model, hello({ messages: turns }))
    }
    await talk('hi')
    await talk('hx')
    await talk('hi', 'Hello', 'more')
    expect(read()).toContain('⟦<turn>⟧user hi⟦<end>⟧⟦<turn>⟧assistant Hello⟦<end>⟧⟦<turn>⟧user more⟦<end>⟧')
    const common = '<turn>user hi<end><turn>assistant Hello'.replace(/<\w+>/g, '.').length
    expect(read()).toContain(
      `==== turn 3, reuse\nbegins with the first ${common} tokens of turn 1; then here "⟦<end>⟧" (1114113), there its end\n`,
    )
  })

  it('says in one line why no more of a prompt was reused, with the text on both sides', async () => {
    const { log, read } = open()
    const engine = speaks('Hello', END)
    const tokens = (text: string) => [...text].map((letter) => letter.codePointAt(0) as number)
    engine.miss = {
      reason: 'diverged',
      at: 7,
      theirs: tokens('Friday\n'),
      ours: Int32Array.from(tokens('Sun')),
    }
    const model = fakeTurnModel(engine, { onDebug: log.onDebug })
    await answerMessage(model, hello())
    engine.miss = null
    await answerMessage(model, hello())
    expect(read()).toContain(
      '==== turn 1, miss\ndiverged at token 7 of the nearest prompt; here "Sun", there "Friday\\n"\n',
    )
    expect(read()).not.toContain('turn 2, miss')
  })

  it('has the error of a turn, and whether the client left', async () => {
    const { log, read } = open()
    const engine = speaks([{ fail: new Error('no power') }], ['a', 'hang'])
    const model = fakeTurnModel(engine, { onDebug: log.onDebug })
    await expect(answerMessage(model, { messages: 3 })).rejects.toThrow()
    await expect(answerMessage(model, hello())).rejects.toThrow('no power')
    for await (const event of streamMessage(model, hello())) if (event.type === 'content_block_delta') break
    engine.info.window = 10
    await expect(answerMessage(model, hello())).rejects.toThrow('too long')
    const text = read()
    expect(text).toMatch(/==== turn 1, end\nTetherError: messages: Input should be a list/)
    expect(text).not.toContain('turn 1, prompt')
    expect(text).toMatch(/==== turn 2, answer of 0 tokens\n\n==== turn 2, end\nError: no power/)
    expect(text).toMatch(/==== turn 3, answer of 1 tokens\na\n\n==== turn 3, end\nthe client left/)
    expect(text).toMatch(
      /==== turn 4, prompt of \d+ tokens\n.*\n\n==== turn 4, reuse\n[\s\S]*too long: \d+ tokens > 9 maximum/,
    )
  })

  it('has no turn for a body that is no JSON object or nested too deeply, which is answered with 400', async () => {
    const { log } = open()
    const server = await serve(fakeModel(speaks('Hi', END), { onDebug: log.onDebug }), { port: 0 })
    onTestFinished(() => server.close())
    const deep = `{"model":"m","messages":${'['.repeat(20_000)}${']'.repeat(20_000)}}`
    for (const body of ['{"model":', '[]', deep]) {
      expect((await ask(`${server.url}/v1/messages`, { body })).status).toBe(400)
    }
    expect(existsSync(log.path)).toBe(false)
  })

  it('says how many messages were dropped', async () => {
    const { log, read } = open()
    const engine = speaks('ok')
    engine.info.window = 90
    const messages = ['x'.repeat(60), 'a', 'b'].map((content, i) => ({ role: i % 2 ? 'assistant' : 'user', content }))
    const model = fakeTurnModel(engine, { onDebug: log.onDebug })
    await answerMessage(model, hello({ messages }), { onOverflow: 'truncate' })
    expect(read()).toMatch(/prompt of \d+ tokens, without the oldest 2 messages \(\d+ tokens\)\n⟦<turn>⟧user b/)
  })
})
