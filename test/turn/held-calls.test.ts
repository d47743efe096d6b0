/** Calls and answers of models with random weights: whatever is asked of them, they parse and fit their schemas. */
import { Ajv2020 } from 'ajv/dist/2020.js'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { ChatTool, JsonObject, JsonValue } from '../../src/chat/types.js'
import type { TurnFinish, TurnPart, TurnRequest } from '../../src/turn/types.js'
import { seeded } from '../support/random.mjs'
import { bounded, CLAUDE_CODE_TOOLS, someTool } from '../support/random-schemas.js'
import { randomSpeaker, SPEAKERS, type Speaker } from '../support/random-speaker.js'

const random = seeded(7)
const ajv = new Ajv2020({ strict: false, logger: false, ownProperties: true })

// Of each kind of speaker; `npm run test:decoding` makes 2,000 in all.
const CALLS = Number(process.env.TETHER_CALLS ?? 11)

const LISTS: ChatTool[][] = [
  CLAUDE_CODE_TOOLS,
  [{ name: 'nothing', description: '', schema: { type: 'object', properties: {} } }],
  [{ name: 'anything', description: '', schema: { type: 'object' } }],
  Array.from({ length: 40 }, (_, i) => someTool(random, i)),
  ...Array.from({ length: 18 }, () => Array.from({ length: 1 + random.below(6) }, (_, i) => someTool(random, i))),
]

function request(tools: ChatTool[], seed: number): Partial<TurnRequest> {
  const chat = { messages: [], tools, thinking: false }
  return { chat, toolChoice: { type: 'any' }, parallelCalls: false, maxTokens: 3900, sampling: { seed } }
}

function misfit(schema: JsonObject, value: JsonValue): string | undefined {
  const fits = ajv.compile(schema)
  return fits(value) ? undefined : `${ajv.errorsText(fits.errors)} in ${JSON.stringify(value)}`
}

function has(value: JsonValue, what: (part: JsonObject) => boolean): boolean {
  if (typeof value !== 'object' || value === null) return false
  return (!Array.isArray(value) && what(value)) || Object.values(value).some((inner) => has(inner, what))
}

function callFault(tools: ChatTool[], parts: TurnPart[]): string | undefined {
  const call = parts.find((part) => part.type === 'tool_call')
  if (!call) return `no call: ${JSON.stringify(parts).slice(-1500)}`
  const schema = tools.find((tool) => tool.name === call.name)?.schema
  const fault = schema ? misfit(schema, call.input) : 'no such tool'
  return fault && `${call.name}: ${fault}`
}

function answerFault(schema: JsonObject, parts: TurnPart[]): string | undefined {
  const text = parts.map((part) => (part.type === 'text' ? part.text : '')).join('')
  try {
    return misfit(schema, JSON.parse(text))
  } catch (error) {
    return `${(error as Error).message} in ${text.slice(0, 400)}`
  }
}

describe.each(SPEAKERS)('$checkpoint that writes calls as $format', (kind) => {
  let speaker: Speaker
  const lists = kind.hasLongTexts
    ? LISTS.map((tools) => tools.map((tool) => ({ ...tool, schema: bounded(tool.schema) })))
    : LISTS
  const unheld: string[] = []
  beforeAll(async () => {
    speaker = await randomSpeaker(kind)
  })
  afterAll(() => speaker.close())

  /** The faults of those answers that ended, of which there are nearly as many as were asked for. */
  async function faults(
    count: number,
    ask: (i: number) => { request: Partial<TurnRequest>; faultOf: (parts: TurnPart[]) => string | undefined },
  ): Promise<string[]> {
    const found: string[] = []
    let ended = 0
    for (let i = 0; i < count; i += 1) {
      const { request, faultOf } = ask(i)
      const parts = await speaker.answer(request, { onUnheld: (reason) => unheld.push(reason) })
      const finish = parts.at(-1) as TurnFinish
      if (finish.constrained?.failure) found.push(finish.constrained.failure)
      if (finish.reason === 'length') continue
      ended += 1
      const fault = faultOf(parts)
      if (fault) found.push(`${i}: ${fault}`)
    }
    expect(ended).toBeGreaterThanOrEqual(Math.floor(count * 0.95))
    return found
  }

  test('makes only calls that parse and fit their schemas, and nearly all of them end', {
    timeout: 3_600_000,
  }, async () => {
    const found = await faults(CALLS, (i) => {
      const tools = lists[i % lists.length] as ChatTool[]
      return { request: request(tools, i), faultOf: (parts) => callFault(tools, parts) }
    })
    expect(found).toEqual([])
    expect(unheld.filter((reason) => !/maxLength/.test(reason))).toEqual([])
  })

  test('gives only answers that fit a schema where one is asked for', { timeout: 3_600_000 }, async () => {
    // A schema with a long maxLength is refused: an answer has to fit all of it.
    const isLong = ({ maxLength }: JsonObject) => typeof maxLength === 'number' && maxLength > 200
    const schemas = lists.flat().flatMap(({ schema }) => (has(schema, isLong) ? [] : [schema]))
    const found = await faults(CALLS, (i) => {
      const answerSchema = schemas[(i * 7) % schemas.length] as JsonObject
      return {
        request: { answerSchema, maxTokens: 3900, sampling: { seed: i } },
        faultOf: (parts) => answerFault(answerSchema, parts),
      }
    })
    expect(found).toEqual([])
  })
})
