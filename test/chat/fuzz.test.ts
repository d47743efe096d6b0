/**
 * Random answers: nothing throws, no text is lost, and the parts do not depend on how the answer is cut.
 * Takes a few seconds; `TETHER_FUZZ_SECONDS=600 npm test -- test/chat/fuzz.test.ts` runs longer, with new seeds.
 */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { FORMATS } from '../../src/chat/families.js'
import type { ChatTool, OutputFormat, Part, Piece } from '../../src/chat/types.js'
import { type Random, randomText, seeded } from '../support/chat-random.js'
import { cpuTime } from '../support/cpu-time.js'
import { cutPieces, readPieces, toPieces } from '../support/read-pieces.js'

const seconds = Number(process.env.TETHER_FUZZ_SECONDS ?? 0)
const folder = join(import.meta.dirname, 'corpus')
const tools: ChatTool[] = JSON.parse(readFileSync(join(folder, 'tools.json'), 'utf8'))

const SCRAPS = [
  ...['{', '}', '[', ']', '(', ')', '"', "'", '"""', '`', '```', '\n', ' ', ',', ':', ';', '=', '\\', '#', '<', '>'],
  ...['{"name": "', 'Bash', 'Read', '", "parameters": {', '"arguments":', '"command": "ls"', 'command=', "'ls'", '}}'],
  ...['call:', 'call:Bash{', 'thought\n', 'command:', 'BEGIN_ARG', '1', '-2.5e3', 'true', 'None', 'null', 'word'],
  ...[
    '```json\n',
    '```tool_call\n',
    '```tool_code\n',
    '```python\n',
    '```\n',
    '\n```',
    'print(',
    'default_api.',
    'Bash(',
  ],
  ...['<tool_call>', '</tool_call>', '[TOOL', '<|tool', '|>', '{hello world[A(A=\t)', '🙂', '\ud83d', 'é', '\u0000'],
]

// The other formats read as gemma3 does.
const readers = ['gemma4', 'llama3', 'gemma3', 'mistral'].map((name) => [name, FORMATS[name] as OutputFormat] as const)

describe.each(readers)('%s', (name, format) => {
  const known = readdirSync(folder)
    .filter((file) => file.startsWith(name) && file.endsWith('.jsonl'))
    .flatMap((file) => readFileSync(join(folder, file), 'utf8').trim().split('\n'))
    .map((line): string => JSON.parse(line).raw)
  const scraps = [...SCRAPS, ...format.markers]

  test(
    'reads any answer without losing text, cut anywhere',
    () => {
      const end = performance.now() + (seconds * 1000) / readers.length
      const from = seconds > 0 ? Date.now() % 2 ** 31 : 0
      let seed = from
      for (; seed < from + 400 || performance.now() < end; seed += 1) {
        const random = seeded(seed)
        const raw = random.chance(0.5) && known.length > 0 ? mutate(random, known, scraps) : compose(random, scraps)
        check(random, raw, format, `${name}, seed ${seed}: ${JSON.stringify(raw)}`)
      }
      if (seconds > 0) console.log(`${name}: ${seed - from} answers from seed ${from}`)
    },
    (seconds + 60) * 1000,
  )

  test('reads in linear time, with tools too', () => {
    for (const scrap of [...scraps, ...known.slice(0, 20)]) {
      const raw = (scrap === '' ? ' ' : scrap).repeat(Math.ceil(60_000 / Math.max(1, scrap.length)))
      const began = cpuTime()
      readPieces(format, toPieces(raw, format), { tools })
      // Linear time is a few milliseconds here, quadratic time many seconds.
      expect(cpuTime() - began, JSON.stringify(scrap)).toBeLessThan(2000)
    }
  })
})

function check(random: Random, raw: string, format: OutputFormat, about: string): void {
  const pieces = toPieces(raw, format)
  for (const offered of [tools, undefined]) {
    for (const finish of ['stop', 'length'] as const) {
      const parts = readPieces(format, pieces, { tools: offered, finish })
      const again = readPieces(format, cutPieces(random, pieces), { tools: offered, finish })
      expect(again, about).toEqual(parts)
      expect(lost(parts, pieces, format), about).toBe('')
    }
    notHalfRun(random, pieces, format, offered, about)
  }
}

/**
 * If there is no call, the parts contain all text in order, except for markers, white space and the header of a
 * thought. Returns what is wrong, or ''.
 */
function lost(parts: Part[], pieces: Piece[], { name }: OutputFormat): string {
  if (parts.some((part) => part.type === 'tool_call')) return ''
  const told = withoutSpace(parts.map((part) => (part.type === 'tool_call' ? '' : part.text)).join(''))
  // All positions in `told` at which the pieces so far may end.
  let reached = new Set([0])
  for (const piece of pieces) {
    const wanted = withoutSpace(typeof piece === 'string' ? piece : piece.control)
    const ways = [wanted]
    if (typeof piece !== 'string') ways.push('')
    else if (name === 'gemma4') ways.push(withoutHeader(wanted))
    const next = [...reached].flatMap((at) =>
      ways.filter((way) => told.startsWith(way, at)).map((way) => at + way.length),
    )
    if (next.length === 0) return `of ${told} lost: ${wanted}`
    reached = new Set(next)
  }
  return reached.has(told.length) ? '' : `told too much: ${told}`
}

/** The header of a thought may be cut off, and a marker may split it. */
function withoutHeader(text: string): string {
  return 'thought'.includes(text) ? '' : text.replace(/^(?:(?:(?:(?:(?:(?:t?h)?o)?u)?g)?h)?t)/, '')
}

function withoutSpace(text: string): string {
  return text.replace(/\s/g, '')
}

/** The calls of an answer that is cut off are the first calls of the whole answer. */
function notHalfRun(
  random: Random,
  pieces: Piece[],
  format: OutputFormat,
  offered: ChatTool[] | undefined,
  about: string,
): void {
  // For Gemma 4 the end of the answer decides what a quote that never closed means.
  if (format.name === 'gemma4') return
  const calls = (some: Piece[], finish: 'stop' | 'length') =>
    readPieces(format, some, { tools: offered, finish }).filter((part) => part.type === 'tool_call')
  const cut = cutPieces(random, pieces)
  const some = calls(cut.slice(0, random.below(cut.length + 1)), 'length')
  expect(calls(pieces, 'stop').slice(0, some.length), about).toEqual(some)
}

function compose(random: Random, scraps: string[]): string {
  let raw = ''
  for (let left = random.below(30); left > 0; left -= 1) {
    raw += random.chance(0.1) ? randomText(random, 5) : random.pick(scraps)
  }
  return raw
}

function mutate(random: Random, known: string[], scraps: string[]): string {
  let raw = random.pick(known)
  for (let left = random.below(4); left > 0; left -= 1) {
    const at = random.below(raw.length + 1)
    const end = at + random.below(12)
    const kind = random.below(4)
    if (kind === 0) raw = raw.slice(0, at) + raw.slice(end)
    else if (kind === 1) raw = raw.slice(0, at) + random.pick(scraps) + raw.slice(at)
    else if (kind === 2) raw = raw.slice(0, at) + raw.slice(at, end).repeat(2) + raw.slice(end)
    else raw = raw.slice(0, at) + random.pick(known).slice(random.below(20))
  }
  return raw
}
