/** Thoughts in <think> tags are apart from the answer, and calls in them are not calls. */
import { describe, expect, test } from 'vitest'
import { chatFamily } from '../../src/chat/families.js'
import { hermesFormat } from '../../src/chat/formats/prompted-tools.js'
import { withThinkTags } from '../../src/chat/formats/think-tags.js'
import type { ChatTool, Part, Piece, ReadEnd } from '../../src/chat/types.js'
import { seeded } from '../support/chat-random.js'
import { CHATML, CHATML_TOKENS } from '../support/chat-templates.js'
import { cutPieces, toPieces } from '../support/read-pieces.js'

const format = withThinkTags(hermesFormat)
const tools: ChatTool[] = [{ name: 'Read', description: '', schema: { type: 'object' } }]
const CALL = '<tool_call>\n{"name": "Read", "arguments": {"path": "a"}}\n</tool_call>'
const READ: Part = { type: 'tool_call', name: 'Read', input: { path: 'a' } }
const thinking = (text: string): Part => ({ type: 'thinking', text })
const text = (text: string): Part => ({ type: 'text', text })

function partsOf(pieces: Piece[], inThought: boolean, end: ReadEnd): Part[] {
  const reader = format.reader({ tools, inThought })
  const parts: Part[] = []
  for (const part of [...pieces.flatMap((piece) => reader.push(piece)), ...reader.end(end)]) {
    const last = parts.at(-1)
    if (part.type !== 'tool_call' && last?.type === part.type) last.text += part.text
    else parts.push({ ...part })
  }
  return parts
}

const TABLE: [string, string, boolean, ReadEnd, Part[]][] = [
  ['a thought and an answer', '<think>\nHm.\n</think>\n\nYes.', false, 'stop', [thinking('Hm.'), text('Yes.')]],
  [
    'a thought that the prompt begins',
    'Hm.\n\nSo.\n</think>\n\nYes.',
    true,
    'stop',
    [thinking('Hm.\n\nSo.'), text('Yes.')],
  ],
  ['a call after a thought', `\nHm.\n</think>\n${CALL}`, true, 'stop', [thinking('Hm.'), READ]],
  [
    'a call in a thought',
    `<think>I could ${CALL} now.</think>No.`,
    false,
    'stop',
    [thinking(`I could ${CALL} now.`), text('No.')],
  ],
  ['an empty thought', '<think>\n\n</think>\n\nYes.', false, 'stop', [text('Yes.')]],
  ['no thought', `Yes. ${CALL}`, false, 'stop', [text('Yes. '), READ]],
  ['a thought that is cut off', '<think>\nHm. </thi', false, 'length', [thinking('Hm. </thi')]],
  ['tags within a thought', 'a <b> </b> </thin> </think>c', true, 'stop', [thinking('a <b> </b> </thin>'), text('c')]],
  ['the opening tag in the middle', 'Write <think> first.', false, 'stop', [text('Write <think> first.')]],
  ['the beginning of a tag', '<thin', false, 'stop', [text('<thin')]],
  ['white space alone', ' \n', false, 'stop', [text(' \n')]],
]

describe.each(TABLE)('%s', (_, raw, inThought, end, parts) => {
  test('is read however it is cut, with tags as tokens or as text', () => {
    for (const markers of [[], ['<think>', '</think>'], ['</think>', '<tool_call>', '</tool_call>']]) {
      for (let seed = 0; seed < 20; seed += 1) {
        const pieces = cutPieces(seeded(seed), toPieces(raw, { markers }))
        expect(partsOf(pieces, inThought, end), JSON.stringify(pieces)).toEqual(parts)
      }
    }
  })
})

test('a thought with much white space loses none of it in the middle', () => {
  const raw = `a${' '.repeat(500)}b</think>c`
  const pieces = [...raw]
  expect(partsOf(pieces, true, 'stop')).toEqual([thinking(`a${' '.repeat(500)}b`), text('c')])
})

test('a checkpoint thinks in tags if its template names them', () => {
  const choose = (source: string) => {
    const template = { source, path: 'chat_template.jinja', tokens: {}, controls: CHATML_TOKENS }
    return chatFamily({ modelType: 'llama', has: () => false, template }).family.thought?.open
  }
  expect(choose(CHATML)).toBeUndefined()
  expect(choose(CHATML.replace("m['content']", "m['content'].split('</think>')[-1]"))).toBe('<think>')
})
