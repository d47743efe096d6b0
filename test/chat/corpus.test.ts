/**
 * Outputs of real models and the parts to read from them: corpus/<family>.jsonl, one output per line, all with the tools
 * of corpus/tools.json. `source` names the public thread that shows such an output; the outputs themselves are our own.
 */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { FORMATS } from '../../src/chat/families.js'
import { readOutput } from '../../src/chat/read-output.js'
import type { ChatTool, OutputFormat, Part, ReadEnd } from '../../src/chat/types.js'
import { seeded } from '../support/chat-random.js'
import { cutPieces, readPieces, toPieces } from '../support/read-pieces.js'

interface Output {
  family: string
  what: string
  source?: string
  raw: string
  /** Default: the model ended by itself. */
  finish?: ReadEnd
  parts: Part[]
}

const folder = join(import.meta.dirname, 'corpus')
const tools: ChatTool[] = JSON.parse(readFileSync(join(folder, 'tools.json'), 'utf8'))
const outputs: Output[] = readdirSync(folder)
  .filter((name) => name.endsWith('.jsonl'))
  .flatMap((name) => readFileSync(join(folder, name), 'utf8').trim().split('\n'))
  .map((line) => JSON.parse(line))
const staysText = outputs.filter(({ parts }) => parts.every((part) => part.type === 'text'))

test('the corpus has at least 200 outputs, 80 with a source and 30 without calls', () => {
  expect(outputs.length).toBeGreaterThanOrEqual(200)
  expect(outputs.filter(({ source }) => source).length).toBeGreaterThanOrEqual(80)
  expect(staysText.length).toBeGreaterThanOrEqual(30)
  for (const { source = 'github.com/a/b/pull/1' } of outputs) {
    expect(source).toMatch(/^github\.com\/[\w.-]+\/[\w.-]+\/(?:issues|pull)\/\d+$/)
  }
})

describe.each(outputs)('$family: $what', ({ family, raw, finish = 'stop', parts }) => {
  const format = FORMATS[family] as OutputFormat
  const pieces = toPieces(raw, format)

  test('is read as its parts, however it is cut', () => {
    expect(readOutput([raw], { family, tools, finish })).toEqual(parts)
    for (let i = 0; i < 10; i += 1) {
      const cut = cutPieces(seeded(i), pieces)
      expect(readPieces(format, cut, { tools, finish }), JSON.stringify(cut)).toEqual(parts)
    }
  })
})

test.each(staysText)('$family: $what loses no text', ({ raw, parts }) => {
  const kept = parts.map((part) => (part.type === 'text' ? part.text : '')).join('')
  // Only control tokens that are not part of an answer may be missing.
  expect(kept).toBe(raw.replace(/<\|channel>thought\n<channel\|>|<channel\|>/g, ''))
})
