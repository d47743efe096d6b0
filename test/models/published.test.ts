/** Doubles of public checkpoints: each is listed, loaded, asked with tools, and its calls are read back. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { prepareMessage } from '../../src/anthropic/prepare.js'
import type { MessageRequest } from '../../src/anthropic/request.js'
import type { ChatTool, Part, PromptPiece } from '../../src/chat/types.js'
import { loadModel, type Model, withMessages } from '../../src/load-model.js'
import { describeModel } from '../../src/models/describe-models.js'
import { prompterOf } from '../../src/turn/answer-turn.js'
import { writeCall } from '../support/published/calls.js'
import { type Row, readRows } from '../support/published/rows.js'
import { templateOf } from '../support/published/templates.js'
import { writeCheckpoint } from '../support/published/write-checkpoint.js'

const place = mkdtempSync(join(tmpdir(), 'tether-published-'))
afterAll(() => rmSync(place, { recursive: true }))
// What is found out about templates is kept in the home folder.
beforeEach(() => vi.stubEnv('HOME', join(place, 'home')))
afterEach(() => vi.unstubAllEnvs())

const rows = readRows()
const named = (some: Row[]) => some.map((row): [string, Row] => [row.name, row])
const chats = rows.filter(({ refused, template }) => refused === undefined && template !== 'none')
const bases = rows.filter(({ refused, template }) => refused === undefined && template === 'none')
const refused = rows.filter((row) => row.refused !== undefined)

const input_schema = { type: 'object' as const, properties: { path: { type: 'string' } }, required: ['path'] }
const READ = { name: 'Read', description: 'Reads a zqfile.', input_schema }
const TOOLS: ChatTool[] = [{ name: 'Read', description: READ.description, schema: input_schema }]
const INPUT = { path: 'docs/zqpath.md' }
const call = (id: string) => ({ type: 'tool_use' as const, id, name: 'Read', input: INPUT })
const result = (id: string, content: string) => ({ type: 'tool_result' as const, tool_use_id: id, content })
const text = (words: string) => ({ type: 'text' as const, text: words })

const TURN: MessageRequest = {
  max_tokens: 3,
  // Random weights may end an answer with their first token; with this seed none does.
  seed: 1,
  system: 'You are zqkind.',
  tools: [READ],
  messages: [
    { role: 'user', content: 'What is in zqthere?' },
    { role: 'assistant', content: [text('I zqlook.'), call('toolu_01')] },
    { role: 'user', content: [result('toolu_01', 'It is zqempty.')] },
  ],
}
const TURN_WORDS = ['zqkind', 'zqfile', 'zqthere', 'zqlook', 'zqpath', 'zqempty']

/** What our own prompt for tools says. */
const TAUGHT = '```tool_call\n{"name": "tool name"'

const PLAIN: MessageRequest = { max_tokens: 1, messages: [{ role: 'user', content: 'What is in zqthere?' }] }

/** What the Messages API allows, and few templates do. */
const ODD: MessageRequest = {
  max_tokens: 1,
  system: 'You are zqkind.',
  tools: [READ],
  messages: [
    { role: 'assistant', content: 'A zqgreeting.' },
    { role: 'user', content: 'A zqfirst.' },
    { role: 'user', content: 'And a zqsecond.' },
    { role: 'assistant', content: [call('toolu_01'), call('toolu_02')] },
    { role: 'user', content: [result('toolu_02', 'zqresult'), text('Also zqmore.')] },
    { role: 'assistant', content: 'zqone' },
    { role: 'assistant', content: 'zqtwo' },
    { role: 'user', content: 'And zqnow?' },
  ],
}
const ODD_WORDS = 'zqkind zqfile zqgreeting zqfirst zqsecond zqresult zqmore zqone zqtwo zqnow'.split(' ')

/** The prompt of a request as its template writes it, and its length in tokens. */
function promptOf(model: Model, request: MessageRequest): { prompt: string; count: number } {
  let pieces: PromptPiece[] = []
  const { family } = model.turns
  const render: typeof family.render = (chat) => {
    pieces = family.render(chat)
    return pieces
  }
  const count = withMessages({ ...model, turns: { ...model.turns, family: { ...family, render } } }).countTokens(
    request,
  )
  const prompt = pieces.map((piece) => (typeof piece === 'string' ? piece : 'control' in piece ? piece.control : ''))
  const tokens = model.tokenizer.encodePrompt(pieces)
  // What Hugging Face's tokenizer makes of the rendered text.
  expect(tokens).toEqual(model.tokenizer.encode(prompt.join(''), { special: true }))
  expect(count).toBe(tokens.length)
  return { prompt: prompt.join(''), count }
}

const endingWith = (end: string) => new RegExp(`${end.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&')}$`)

/** What a reader of the model's answers makes of this text, token by token. */
function partsOf({ tokenizer, turns }: Model, answer: string): Part[] {
  const { inThought } = prepareMessage(prompterOf(turns), PLAIN).record
  const reader = turns.family.reader({ tools: TOOLS, inThought })
  const stream = tokenizer.stream()
  const pieces = [...tokenizer.encode(answer, { special: true })].flatMap((token) => stream.push([token]))
  const parts = [...pieces, ...stream.end()].flatMap((piece) => reader.push(piece))
  return [...parts, ...reader.end('stop')].filter((part) => part.type !== 'text' || part.text.trim() !== '')
}

async function loaded(row: Row): Promise<Model> {
  const folder = await writeCheckpoint(place, row)
  expect(await describeModel(folder)).toMatchObject({ state: 'ok', quantization: row.stored })
  return loadModel(folder, { maxContext: 4096 })
}

describe.each(named(chats))('%s', (_, row) => {
  test('is loaded, writes a turn with tools, reads a call back and answers', async () => {
    const { opens, ends, family, calls, thinks } = templateOf(row.template)
    const model = await loaded(row)
    try {
      expect(model.info).toMatchObject({ family, warnings: [] })
      const { prompt, count } = promptOf(model, TURN)
      for (const word of TURN_WORDS) expect(prompt).toContain(word)
      expect(prompt.includes(TAUGHT)).toBe(calls === 'taught')
      expect(promptOf(model, PLAIN).prompt).toMatch(endingWith(opens))
      const odd = promptOf(model, ODD).prompt
      for (const word of ODD_WORDS) expect(odd).toContain(word)
      const [open, close] = thinks ?? ['', '']
      const said = partsOf(
        model,
        `${open}${thinks ? 'zqhm' : ''}${close}${writeCall(calls, { name: 'Read', input: INPUT })}`,
      )
      const thoughts = said.flatMap((part) => (part.type === 'thinking' ? [part.text] : []))
      expect(thoughts.join('')).toBe(thinks ? 'zqhm' : '')
      expect(said.filter(({ type }) => type !== 'thinking')).toEqual([
        { type: 'tool_call', name: 'Read', input: INPUT },
      ])
      for (const end of ends) expect([...model.turns.stopTokens]).toContain(model.tokenizer.id(end))
      const { usage } = await model.message(TURN)
      const { cache_read_input_tokens: read, cache_creation_input_tokens: created } = usage
      expect(usage.input_tokens + (read ?? 0) + (created ?? 0)).toBe(count)
      expect(usage.output_tokens).toBeGreaterThan(0)
    } finally {
      await model.close()
    }
  })
})

describe.runIf(bases.length > 0).each(named(bases))('%s', (_, row) => {
  test('is loaded, continues text, and refuses chats', async () => {
    const model = await loaded(row)
    try {
      expect(model.info.family).toBe('base')
      let count = 0
      for await (const { tokens } of model.generate({ prompt: 'Read the', maxTokens: 2, ignoreStop: true }))
        count += tokens.length
      expect(count).toBe(2)
      await expect(model.message(TURN)).rejects.toThrow(/base model/)
    } finally {
      await model.close()
    }
  })
})

describe.runIf(refused.length > 0).each(named(refused))('%s', (_, row) => {
  test('is not loaded, for the reason that the list gives', async () => {
    const folder = await writeCheckpoint(place, row)
    const { fault = '' } = await describeModel(folder)
    expect(fault).toContain(row.refused)
    await expect(loadModel(folder, { maxContext: 256 })).rejects.toThrow(fault)
  })
})
