/**
 * Conversations as Claude Code holds them, through all stages of a turn: each prompt begins with the one before it and what
 * was generated then, token for token, whatever the client makes of an answer before it sends it back.
 */
import { describe, expect, test } from 'vitest'
import { answerMessage, streamMessage } from '../../src/anthropic/messages.js'
import type { Message } from '../../src/anthropic/types.js'
import { FAMILIES } from '../../src/chat/families.js'
import { taughtCall } from '../../src/chat/templates/teach-tools.js'
import { loadTokenizer } from '../../src/chat/tokenizer/load.js'
import type { ChatFamily, Part, Piece, Tokenizer } from '../../src/chat/types.js'
import type { Engine, Finish, GenerateRequest, TokenBatch } from '../../src/engine/types.js'
import { type PromptOrder, plainSampling } from '../../src/options.js'
import { createTurnMemory } from '../../src/turn/turn-memory.js'
import type { TurnModel } from '../../src/turn/types.js'
import { answer, sentence, TOOLS } from '../support/chat-conversations.js'
import { type Random, seeded } from '../support/chat-random.js'
import { speakGemma4, speakLlama3 } from '../support/chat-speaking.js'

const speakGemma3 = (parts: Part[]): Piece[] => [
  parts
    .flatMap((part) =>
      part.type === 'text' ? [part.text] : part.type === 'tool_call' ? [`\n${taughtCall(part.name, part.input)}`] : [],
    )
    .join(''),
]

const families = [
  { name: 'gemma4', speak: speakGemma4, thinks: true, folder: 'gemma4-tiny' },
  { name: 'gemma3', speak: speakGemma3, thinks: false, folder: 'gemma4-tiny' },
  { name: 'llama3', speak: speakLlama3, thinks: false, folder: 'llama3-tiny' },
].flatMap((one) => (['template', 'stable-first'] as const).map((order) => ({ ...one, order })))

describe.each(families)('prompts of $name, $order', ({ name, order, speak, thinks, folder }) => {
  test('keep every token as a prefix over 40 turns, in 12 conversations', async () => {
    const tokenizer = await loadTokenizer(`test/fixtures/tokenizers/${folder}`)
    for (let seed = 0; seed < 12; seed++) {
      const random = seeded(seed)
      const engine = scriptedEngine()
      const model = turnModelOf(name, { order, tokenizer, engine })
      const thinking = thinks && random.chance(0.5)
      const messages: object[] = [{ role: 'user', content: words(random) }]
      if (random.chance(0.5)) messages.push({ role: 'system', content: `It is ${sentence(random)}` })
      const system = [
        { type: 'text', text: 'x-anthropic-billing-header: cc_version=1' },
        { type: 'text', text: 'Be brief.' },
      ]
      let before: number[] = []
      for (let turn = 0; turn < 40; turn++) {
        const where = `${name}, seed ${seed}, turn ${turn}`
        engine.next = tokensOf(random, tokenizer, speak(answer(random, thinking)))
        const ask = {
          max_tokens: 50_000,
          system: [{ ...system[0], text: `${system[0]?.text}.${turn}` }, system[1]],
          tools: TOOLS.map(({ name, description, schema }) => ({ name, description, input_schema: schema })),
          ...(thinking ? { thinking: { type: 'adaptive' } } : {}),
          messages: messages.map((message) => inAnotherForm(random, message)),
        }
        engine.asked = undefined
        const interrupted = random.chance(0.1)
        const content = interrupted ? await breakOff(model, ask, random) : (await answerMessage(model, ask)).content
        // If the client left before the engine was called, there is nothing to compare.
        const prompt = engine.asked ? promptOf(engine) : before
        const fork = before.findIndex((token, at) => token !== prompt[at])
        const near = (tokens: number[]) => tokenizer.decode(tokens.slice(Math.max(0, fork - 12), fork + 12))
        expect(fork < 0 ? '' : `${near(prompt)} instead of ${near(before)}`, where).toBe('')
        // Of an interrupted answer the client sends back only a part, whose tokens may differ; the prompt before it must
        // be repeated. Without any text there is no such turn, and the user's next message is joined to the last one.
        if (!interrupted) before = [...prompt, ...engine.next]
        else if (content.length > 0) before = prompt
        messages.push(...continued(random, content, interrupted))
      }
    }
  })
})

function turnModelOf(
  name: string,
  { order, tokenizer, engine }: { order: PromptOrder; tokenizer: Tokenizer; engine: Pick<Engine, 'info' | 'generate'> },
): TurnModel {
  const known = FAMILIES[name] as ChatFamily
  return {
    engine,
    tokenizer,
    // The vocabulary at hand is not Gemma 3's; its turns are marked with what it has.
    family: { ...known, render: (chat) => known.render(chat, order).map((piece) => rename(piece, tokenizer)) },
    defaults: { ...plainSampling, temperature: 0 },
    thinking: 'auto',
    isQuick: true,
    stopTokens: new Int32Array(0),
    memory: createTurnMemory(),
    name,
  }
}

function rename<P>(piece: P | { control: string }, tokenizer: Tokenizer): P | { control: string } {
  if (typeof piece !== 'object' || piece === null || !('control' in piece)) return piece
  if (tokenizer.id(piece.control) !== undefined) return piece
  return { control: piece.control === '<start_of_turn>' ? '<|turn>' : '<turn|>' }
}

interface ScriptedEngine extends Pick<Engine, 'info' | 'generate'> {
  /** What the next generation gives. */
  next: number[]
  asked?: GenerateRequest
}

function scriptedEngine(): ScriptedEngine {
  const engine: ScriptedEngine = {
    info: { window: 1_000_000 } as Engine['info'],
    next: [],
    async *generate(request, signal): AsyncGenerator<TokenBatch, void, undefined> {
      engine.asked = request
      const times = { queueSeconds: 0, prefillSeconds: 0, decodeSeconds: 0, draftedTokens: 0, acceptedTokens: 0 }
      const { length } = request.prompt
      const found = { cachedTokens: 0, createdTokens: 0, computedTokens: length, miss: null }
      const counts = { promptTokens: length, outputTokens: engine.next.length, ...found }
      for (const token of engine.next) {
        if (signal?.aborted) break
        yield { tokens: Int32Array.of(token) }
      }
      const reason: Finish['reason'] = signal?.aborted ? 'cancelled' : 'stop'
      yield { tokens: new Int32Array(0), finish: { reason, ...counts, ...times } }
    },
  }
  return engine
}

function promptOf({ asked }: ScriptedEngine): number[] {
  return [...(asked?.prompt ?? [])]
}

/** As a model may choose them: other tokens than the tokenizer's own for the same text. */
function tokensOf(random: Random, tokenizer: Tokenizer, pieces: Piece[]): number[] {
  return pieces.flatMap((piece) => {
    if (typeof piece !== 'string') return [...tokenizer.encodePrompt([piece])]
    const rest = [...piece]
    const ids: number[] = []
    while (rest.length > 0) {
      const part = rest.splice(0, random.chance(0.3) ? 1 + random.below(4) : rest.length).join('')
      ids.push(...tokenizer.encodePrompt([part]))
    }
    return ids
  })
}

/** The client leaves in the middle. -> what it had got by then */
async function breakOff(model: TurnModel, ask: object, random: Random): Promise<Message['content']> {
  let left = 1 + random.below(6)
  let text = ''
  for await (const event of streamMessage(model, ask)) {
    if (event.type === 'content_block_delta' && event.delta.type === 'text_delta') text += event.delta.text
    if (event.type === 'content_block_start' && event.content_block.type !== 'text') break
    if (--left === 0) break
  }
  return text.trim() === '' ? [] : [{ type: 'text', text }]
}

/** What the client adds for its next request: the answer as it keeps it, and what it has to say to it. */
function continued(random: Random, content: Message['content'], interrupted: boolean): object[] {
  const kept = content.map((block) =>
    block.type === 'tool_use' ? { ...block, input: rewritten(random, block.input) } : block,
  )
  const calls = content.flatMap((block) => (block.type === 'tool_use' ? [block.id] : []))
  const results = calls.map((id) => ({
    type: 'tool_result',
    tool_use_id: id,
    ...random.pick<object>([
      { content: words(random) },
      { content: [{ type: 'text', text: words(random) }] },
      { content: `Exit code 2\n${sentence(random)}`, is_error: true },
      { content: [{ type: 'image', source: { type: 'base64', media_type: 'image/png', data: 'iVBORw0KGgo=' } }] },
      {},
    ]),
  }))
  for (let i = results.length - 1; i > 0; i--) results.push(...results.splice(random.below(i + 1), 1))
  const said = interrupted ? ['[Request interrupted by user]', words(random)] : []
  if (!interrupted && (calls.length === 0 || random.chance(0.2))) said.push(words(random))
  const texts = said.map((text) => ({ type: 'text', text }))
  const late = random.chance(0.15) ? [{ role: 'system', content: `Note: ${sentence(random)}` }] : []
  const answered = kept.length > 0 ? [{ role: 'assistant', content: kept }] : []
  return [...answered, { role: 'user', content: [...results, ...texts] }, ...late]
}

/** As Claude Code does: keys in another order, a default added. */
function rewritten(random: Random, input: object): object {
  const entries = Object.entries(input)
  for (let i = entries.length - 1; i > 0; i--) entries.push(...entries.splice(random.below(i + 1), 1))
  return Object.fromEntries(random.chance(0.5) ? [['replace_all', false], ...entries] : entries)
}

/** The same message: a single text as a string or as an array, and marked for caching or not. */
function inAnotherForm(random: Random, message: object): object {
  const { content } = message as { content: unknown }
  if (typeof content !== 'string' || random.chance(0.5)) return message
  return { ...message, content: [{ type: 'text', text: content, cache_control: { type: 'ephemeral' } }] }
}

function words(random: Random): string {
  return Array.from({ length: 1 + random.below(4) }, () => sentence(random)).join(' ')
}
