/** What a body says of its model is found without parsing the body, however it is written and cut. */
import { describe, expect, it } from 'vitest'
import { scanMembers } from '../../src/server/scan-members.js'
import { seeded } from '../support/random.mjs'

const bytes = (text: string) => new Uint8Array(Buffer.from(text))
const scan = (text: string) => scanMembers([bytes(text)], ['model', 'stream'])

describe('members of a body', () => {
  it.each<[string, object]>([
    ['{"model":"a","stream":true}', { model: 'a', stream: true }],
    [' {\n "stream" : false ,\t"model" : "org/b-4bit" } ', { model: 'org/b-4bit', stream: false }],
    ['{"messages":[{"model":"no","stream":true}],"model":"yes"}', { model: 'yes' }],
    ['{"metadata":{"model":"no"},"max_tokens":5}', {}],
    ['{"system":"\\"model\\":\\"no\\"","model":"a\\u0062\\\\c"}', { model: 'ab\\c' }],
    ['{"mod\\u0065l":"escaped key"}', { model: 'escaped key' }],
    ['{"model":"first","stream":true,"model":"second"}', { model: 'second', stream: true }],
    ['{"model":"first","mod\\u0065l":"second"}', { model: 'second' }],
    ['{"stream":true,"model":"first","stream":false,"model":["second"]}', { model: undefined, stream: false }],
    ['{"model":{"a":1},"stream":[true]}', { model: undefined, stream: undefined }],
    ['{"model":12,"stream":null}', { model: 12, stream: null }],
    ['{"model":"größer als 🙂"}', { model: 'größer als 🙂' }],
    ['["model","a"]', {}],
    ['"model"', {}],
    ['', {}],
    ['{"model":"never closed', {}],
    ['{"model":"a"} {"stream":true}', { model: 'a' }],
    ['not json: "model":"a"', {}],
  ])('of %s', async (text, wanted) => {
    expect(await scan(text)).toEqual(wanted)
  })

  it('are the same wherever the body is cut', async () => {
    const text = '{"messages":[{"role":"user","content":"\\\\\\"{model} ü"}],"stream":true,"model":"a\\nb"}'
    const whole = bytes(text)
    for (let cut = 0; cut <= whole.byteLength; cut++) {
      const found = await scanMembers([whole.subarray(0, cut), whole.subarray(cut)], ['model', 'stream'])
      expect(found, String(cut)).toEqual({ model: 'a\nb', stream: true })
    }
  })

  it('are those that JSON.parse finds, in bodies of any shape', async () => {
    const random = seeded(7)
    const value = (depth: number): unknown => {
      const kind = random.below(depth > 3 ? 4 : 6)
      if (kind === 0) return ['', 'a"b', '\\', '{[,:', 'ü🙂\n'][random.below(5)]
      if (kind === 1) return random.below(1000) - 500
      if (kind === 2) return null
      if (kind === 3) return random.below(2) === 0
      if (kind === 4) return Array.from({ length: random.below(4) }, () => value(depth + 1))
      return Object.fromEntries(
        ['model', 'stream', 'x', 'y"'].slice(random.below(4)).map((key) => [key, value(depth + 1)]),
      )
    }
    for (let i = 0; i < 2000; i++) {
      const body = {
        x: value(0),
        ...(random.below(3) ? { model: 'm' } : {}),
        y: value(0),
        stream: random.below(2) === 0,
      }
      const found = await scan(JSON.stringify(body, undefined, random.below(3)))
      expect(found).toEqual({ ...('model' in body ? { model: 'm' } : {}), stream: body.stream })
    }
  })

  it('leave others their turn while a large body is looked through', async () => {
    const large = bytes(JSON.stringify({ text: 'x'.repeat(4_000_000), model: 'late' }))
    let turns = 0
    const timer = setInterval(() => turns++, 0)
    expect(await scanMembers([large], ['model'])).toEqual({ model: 'late' })
    clearInterval(timer)
    expect(turns).toBeGreaterThan(2)
  })
})
