import { describe, expect, test } from 'vitest'
import { FAMILIES } from '../../src/chat/families.js'
import { loadTokenizer } from '../../src/chat/tokenizer/load.js'
import type { Chat, ChatFamily, Part, Piece, PromptPiece } from '../../src/chat/types.js'
import { answer, opening, reply, toMessage } from '../support/chat-conversations.js'
import { type Random, seeded } from '../support/chat-random.js'
import { speakGemma4, speakLlama3 } from '../support/chat-speaking.js'

/** Text, with control tokens in a form that no text has. */
function flat(pieces: PromptPiece[]): string {
  return pieces
    .map((piece) => {
      if (typeof piece === 'string') return piece
      return 'tokens' in piece ? `\x02${piece.tokens}\x03` : `\x02${piece.control}\x03`
    })
    .join('')
}

/** The same pieces cut differently, as a stream delivers them. */
function portions(random: Random, pieces: Piece[]): Piece[] {
  return pieces.flatMap((piece): Piece[] => {
    if (typeof piece !== 'string') return [piece]
    const cut = [...piece]
    const parts: string[] = []
    while (cut.length > 0) parts.push(cut.splice(0, 1 + random.below(8)).join(''))
    return parts
  })
}

function join(parts: Part[]): Part[] {
  const joined: Part[] = []
  for (const part of parts) {
    const last = joined.at(-1)
    if (last && last.type !== 'tool_call' && last.type === part.type) last.text += part.text
    else joined.push({ ...part })
  }
  return joined
}

/** Without a list of tools: these conversations have input that no schema allows. */
function read(family: ChatFamily, pieces: Piece[]): Part[] {
  const reader = family.reader({ tools: undefined })
  return join([...pieces.flatMap((piece) => reader.push(piece)), ...reader.end('stop')])
}

const families = [
  { type: 'gemma4', speak: speakGemma4, thinks: true, tokenizer: 'test/fixtures/tokenizers/gemma4-tiny' },
  { type: 'llama3', speak: speakLlama3, thinks: false, tokenizer: 'test/fixtures/tokenizers/llama3-tiny' },
].flatMap((one) => (['template', 'stable-first'] as const).map((order) => ({ ...one, order })))

describe.each(families)(
  '$type, $order: the next prompt begins with the prompt and its answer',
  ({ type, order, speak, thinks, tokenizer: dir }) => {
    const known = FAMILIES[type] as ChatFamily
    const family: ChatFamily = { ...known, render: (chat) => known.render(chat, order) }

    test('in 150 conversations, and the answer is read as its parts', async () => {
      const tokenizer = await loadTokenizer(dir)
      for (let seed = 0; seed < 150; seed += 1) {
        const random = seeded(seed)
        const chat = opening(random)
        let count = 0
        let before = ''
        let tokens: number[] = []
        for (let turn = 0; turn < 6; turn += 1) {
          const prompt = family.render(chat)
          expect(flat(prompt).slice(0, before.length), `seed ${seed}, turn ${turn}`).toBe(before)
          const ids = [...tokenizer.encodePrompt(prompt)]
          expect(ids.slice(0, tokens.length).join(), `seed ${seed}, turn ${turn}`).toBe(tokens.join())
          const parts = answer(random, thinks && chat.thinking)
          const generated = speak(parts)
          const understood = read(family, portions(random, generated))
          expect(understood, `seed ${seed}, turn ${turn}: ${flat(generated)}`).toEqual(join(parts))
          before = flat([...prompt, ...generated])
          tokens = [...ids, ...tokenizer.encodePrompt(generated)]
          const message = toMessage(understood, () => `id_${count++}`)
          chat.messages = [...chat.messages, message, ...reply(random, message)]
        }
      }
    })

    test('if the assistant is interrupted within a text', () => {
      const messages = [{ role: 'user' as const, parts: [{ type: 'text' as const, text: 'Go.' }] }]
      const chat: Chat = { messages, tools: [], thinking: false }
      const first = flat([...family.render(chat), 'I was say'])
      const interrupted = { role: 'assistant' as const, parts: [{ type: 'text' as const, text: 'I was say' }] }
      expect(flat(family.render({ ...chat, messages: [...messages, interrupted] }))).toBe(first)
      const next = { role: 'user' as const, parts: [{ type: 'text' as const, text: '[Request interrupted by user]' }] }
      expect(flat(family.render({ ...chat, messages: [...messages, interrupted, next] })).startsWith(first)).toBe(true)
    })
  },
)
