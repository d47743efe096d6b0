/** A checkpoint's own template decides, and writes any conversation that the Messages API allows. */
import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { chatFamily } from '../../src/chat/families.js'
import { type ChatTemplate, templateFamily } from '../../src/chat/templates/template-family.js'
import type { Chat, ChatMessage, ChatPart, ChatTool, PromptPiece } from '../../src/chat/types.js'
import { TOOLS } from '../support/chat-conversations.js'
import { type Random, seeded } from '../support/chat-random.js'
import {
  CHATML,
  CHATML_TOKENS,
  GEMMA_TOKENS,
  GEMMA3,
  HERMES,
  MISTRAL,
  MISTRAL_SYSTEM_LAST,
  MISTRAL_TOKENS,
  ONE_CALL_IN_PARTS,
  TOOLCALL_LIST,
} from '../support/chat-templates.js'

const text = (text: string): ChatPart => ({ type: 'text', text })
const call = (id: string, input = {}): ChatPart => ({ type: 'tool_call', id, name: 'Read', input })
const result = (id: string, text: string, isError = false): ChatPart => ({ type: 'tool_result', id, text, isError })
const system = (...parts: ChatPart[]): ChatMessage => ({ role: 'system', parts })
const user = (...parts: ChatPart[]): ChatMessage => ({ role: 'user', parts })
const model = (...parts: ChatPart[]): ChatMessage => ({ role: 'assistant', parts })
const READ: ChatTool = { name: 'Read', description: 'Reads.', schema: { type: 'object', properties: {} } }
const chat = (messages: ChatMessage[], tools: ChatTool[] = [READ]): Chat => ({ messages, tools, thinking: false })

const written = (pieces: PromptPiece[]) =>
  pieces.map((piece) => (typeof piece === 'string' ? piece : 'control' in piece ? piece.control : '')).join('')

function template(source: string, controls: string[], more: Partial<ChatTemplate> = {}): ChatTemplate {
  const tokens = { bos_token: controls[0] ?? '', eos_token: controls[1] ?? '' }
  return { source, path: 'chat_template.jinja', tokens, controls, ...more }
}

const TEMPLATES: [string, ChatTemplate][] = [
  ['Gemma 3', template(GEMMA3, GEMMA_TOKENS)],
  ['ChatML', template(CHATML, CHATML_TOKENS)],
  ['Hermes', template(HERMES, CHATML_TOKENS)],
  ['Mistral', template(MISTRAL, MISTRAL_TOKENS)],
  ['Mistral before its system marks', template(MISTRAL_SYSTEM_LAST, MISTRAL_TOKENS)],
  ['one call in parts', template(ONE_CALL_IN_PARTS, [])],
  ['the demo model', template(readFileSync('demo/model/chat_template.jinja', 'utf8'), ['<bos>', '<|turn>', '<turn|>'])],
]

const work = [user(text('Fix it')), model(text('I look.'), call('1', { path: 'a' }))]

/** Turns that the Messages API allows and Claude Code sends. */
const TURNS: [string, ChatMessage[]][] = [
  ['a result alone', [...work, user(result('1', 'inside'))]],
  ['text after a result', [...work, user(result('1', 'inside'), text('A reminder'))]],
  ['a denied call and a new prompt', [...work, user(result('1', 'rejected', true), text('Do it differently'))]],
  ['a system message after a result', [...work, user(result('1', 'inside')), system(text('Plan mode'))]],
  ['a system message before a result', [...work, system(text('Plan mode')), user(result('1', 'inside'))]],
  ['a call without its result', [...work, user(text('Never mind'))]],
  ['one of two results', [user(text('Go')), model(call('1'), call('2')), user(result('2', 'second'))]],
  ['two calls', [user(text('Go')), model(call('1'), call('2')), user(result('1', 'first'), result('2', 'second'))]],
  ['an assistant turn at the end', [user(text('Go')), model(text('The answer is'))]],
  ['an assistant turn after a result', [...work, user(result('1', 'inside')), model(text('It says'))]],
  ['an assistant turn at the start', [model(text('Hello')), user(text('Hi'))]],
  ['two assistant turns', [user(text('Go')), model(text('One')), model(text('Two')), user(text('And?'))]],
  ['an empty user turn', [user(text('')), model(text('Yes?')), user(text('Go'))]],
  ['a result of no call', [user(text('Go')), model(text('Yes?')), user(result('9', 'lost'), text('Go on'))]],
  ['calls in a row', [...work, model(call('2')), user(result('2', 'inside'))]],
  ['only a system message', [system(text('Be kind'))]],
  ['a system message in the middle', [user(text('a')), model(text('b')), system(text('late')), user(text('c'))]],
]

/** Every text of a conversation. */
function textsOf({ messages }: Chat): string[] {
  return messages.flatMap(({ parts }) =>
    parts.flatMap((part) => (part.type === 'text' || part.type === 'tool_result' ? [part.text.trim()] : [])),
  )
}

describe.each(TEMPLATES)('the template of %s', (_, own) => {
  const { render } = templateFamily(own)

  test.each(TURNS)('writes %s', (_, messages) => {
    for (const tools of [[READ], []]) {
      const prompt = written(render(chat(messages, tools)))
      for (const words of textsOf(chat(messages))) expect(prompt).toContain(words)
    }
  })

  test('writes 300 conversations of any turns, and loses no word', () => {
    for (let seed = 0; seed < 300; seed++) {
      const talk = anyTalk(seeded(seed))
      const prompt = written(render(talk))
      for (const words of textsOf(talk)) expect(prompt, `seed ${seed}`).toContain(words)
      const last = talk.messages.at(-1) as ChatMessage
      const end = last.parts.at(-1)
      if (last.role === 'assistant' && end?.type === 'text')
        expect(prompt.endsWith(end.text), `seed ${seed}`).toBe(true)
    }
  })
})

/** Turns in any order, with words that differ. */
function anyTalk(random: Random): Chat {
  let words = 0
  const say = () => text(`word${words++}x`)
  const messages: ChatMessage[] = []
  let open: string[] = []
  const length = 1 + random.below(8)
  for (let i = 0; i < length; i++) {
    if (random.chance(0.15)) {
      messages.push(system(say()))
    } else if (random.chance(0.5)) {
      const answered = open.filter(() => random.chance(0.8))
      const results = answered.map((id) => result(id, `result${words++}x`, random.chance(0.3)))
      open = []
      const texts = random.chance(0.6) || results.length === 0 ? [say()] : []
      messages.push(user(...results, ...texts))
    } else {
      const calls = i < length - 1 && random.chance(0.5) ? 1 + random.below(3) : 0
      open = Array.from({ length: calls }, () => `id${words++}`)
      const texts = random.chance(0.7) || calls === 0 ? [say()] : []
      messages.push(model(...texts, ...open.map((id) => call(id))))
    }
  }
  return chat(messages, random.chance(0.8) ? [READ] : [])
}

describe('the order of the prompt', () => {
  const asked = chat([system(text('S')), user(text('Hi'))])
  const prompts = (own: ChatTemplate) => {
    const { render } = templateFamily(own)
    return [written(render(asked)), written(render(asked, 'auto')), written(render(asked, 'stable-first'))]
  }

  test.each([
    ['Mistral', template(MISTRAL, MISTRAL_TOKENS)],
    ['Hermes', template(HERMES, CHATML_TOKENS)],
  ])('is always the own one of %s, which has a place for tools', (_, own) => {
    const [before, auto, after] = prompts(own)
    expect([auto, after]).toEqual([before, before])
  })

  test.each([
    ['Gemma 3', template(GEMMA3, GEMMA_TOKENS)],
    ['ChatML', template(CHATML, CHATML_TOKENS)],
  ])('has our text about tools before the system text of %s, which has no place for tools', (_, own) => {
    const [before, auto, after] = prompts(own)
    expect(before).toMatch(/S\n\nYou can use tools/)
    expect(after).toMatch(/You can use tools[\s\S]*"Read".*\n\nS/)
    expect(auto).toBe(after)
  })
})

describe('what a template refuses is changed as little as needed', () => {
  const mistral = templateFamily(template(MISTRAL, MISTRAL_TOKENS))

  test('text after a result ends that result', () => {
    const prompt = written(mistral.render(chat([...work, user(result('1', 'inside'), text('A reminder'))], [])))
    expect(prompt).toBe(
      '<s>[INST]Fix it[/INST][TOOL_CALLS][{"name": "Read", "arguments": {"path": "a"}}]</s>' +
        '[TOOL_RESULTS](Said with this call: I look.)\ninside\n\nA reminder[/TOOL_RESULTS]',
    )
  })

  test('a call without its result gets one, and only there', () => {
    const before = [user(text('Go')), model(call('1')), user(result('1', 'inside')), model(text('Done'))]
    const prompt = written(mistral.render(chat([...before, user(text('Again')), model(call('2')), user(text('Stop'))])))
    expect(prompt).toContain('[TOOL_RESULTS]inside[/TOOL_RESULTS]Done</s>[INST]Again[/INST]')
    expect(prompt.endsWith('[TOOL_RESULTS](This call got no result.)\n\nStop[/TOOL_RESULTS]')).toBe(true)
  })

  test('the prompt of the next turn begins with this one', () => {
    const first = chat([...work, user(result('1', 'inside'), text('A reminder'))])
    const next = chat([...first.messages, model(text('Done')), user(text('Thanks'))])
    expect(written(mistral.render(next)).startsWith(written(mistral.render(first)))).toBe(true)
  })

  test('the system text begins the first message where a template would lose it after a result', () => {
    const { render } = templateFamily(template(MISTRAL_SYSTEM_LAST, MISTRAL_TOKENS))
    const first = written(render(chat([system(text('Be kind')), user(text('Fix it'))], [])))
    expect(first).toBe('[INST]Be kind\n\nFix it[/INST]')
    const next = [system(text('Be kind')), user(text('Fix it')), model(call('1')), user(result('1', 'inside'))]
    expect(written(render(chat(next, []))).startsWith(first)).toBe(true)
  })

  test('a template that refuses everything but the probes is an invalid request', () => {
    const picky = `{% for m in messages %}{% if 'no' in m.content %}{{ raise_exception('not that') }}{% endif %}{{ m.content }}{% endfor %}`
    const { render } = templateFamily(template(picky, []))
    expect(() => render(chat([user(text('no'))]))).toThrow(
      expect.objectContaining({ code: 'invalid_request', message: expect.stringContaining('not that') }),
    )
  })
})

describe('the family of a checkpoint', () => {
  const LLAMA3_TOKENS = ['<|begin_of_text|>', '<|eot_id|>', '<|start_header_id|>', '<|end_header_id|>']
  const choose = (modelType: string, own: ChatTemplate | undefined) =>
    chatFamily({ modelType, has: (token) => own?.controls.includes(token) ?? false, template: own })

  test.each<[string, string, string, ChatTemplate]>([
    ['ours where both write the same', 'gemma3_text', 'gemma3', template(GEMMA3, GEMMA_TOKENS)],
    ['ours where both write the same', 'gemma2', 'gemma2', template(GEMMA3, GEMMA_TOKENS)],
    ['the template’s where marks differ', 'gemma3', 'taught', template(CHATML, [...GEMMA_TOKENS, ...CHATML_TOKENS])],
    [
      'the template’s where a word differs',
      'gemma3',
      'taught',
      template(GEMMA3.replace('{{ bos', 'Be brief. {{ bos'), GEMMA_TOKENS),
    ],
    ['the template’s on a Llama 3', 'llama', 'hermes', template(HERMES, [...LLAMA3_TOKENS, ...CHATML_TOKENS])],
    ['Mistral’s by its calls', 'mistral', 'mistral', template(MISTRAL, MISTRAL_TOKENS)],
    ['Mistral’s by its calls, on a Llama', 'llama', 'mistral', template(MISTRAL, MISTRAL_TOKENS)],
    ['Llama 3’s by its calls', 'llama', 'llama3', template(ONE_CALL_IN_PARTS, [])],
    ['Llama 2’s by its marks', 'llama', 'llama2', template('[INST]{{ messages[0].content }}[/INST]', ['<s>', '</s>'])],
  ])('is %s (%s)', (_, modelType, name, own) => {
    expect(choose(modelType, own).family.name).toBe(name)
  })

  test('of the demo model is Gemma 4’s: its template writes what ours does', () => {
    const controls = ['<bos>', '<|turn>', '<turn|>', '<|tool>', '<tool|>', '<|"|>', '<|channel>', '<channel|>']
    const calls = ['<|tool_call>', '<tool_call|>', '<|tool_response>', '<tool_response|>']
    const source = readFileSync('demo/model/chat_template.jinja', 'utf8')
    const { verdict, family } = choose('gemma4_text', template(source, [...controls, ...calls]))
    expect(verdict?.own).toBe('gemma4')
    const known = TOOLS.filter(({ name }) => name !== 'TodoWrite')
    const talk = chat([system(text('S')), user(text('Hi'))], known)
    expect(written(templateFamily(template(source, controls)).render(talk))).toBe(written(family.render(talk)))
  })

  test.each([
    ['words of its own', HERMES.replace('{"name": "', 'invoke ').replace('", "arguments": ', ' with '), true],
    ['a list in <TOOLCALL>', TOOLCALL_LIST, false],
    ['a function in tags', HERMES.replaceAll('tool_call>', 'function_call>'), false],
  ])('teaches calls only where no reader knows those of the template: %s', (_, source, isTaught) => {
    const { family, verdict } = choose('llama', template(source, CHATML_TOKENS))
    const prompt = written(family.render(chat([...work, user(result('1', 'inside'))])))
    expect(prompt.includes('```tool_call')).toBe(isTaught)
    for (const words of ['Reads.', 'Fix it', 'I look.', 'inside']) expect(prompt).toContain(words)
    expect(verdict?.facts.form.toolRoles).toBe(!isTaught)
  })

  test('stops where the template ends a turn, and at the end of text', () => {
    const tokens = { bos_token: '<s>', eos_token: '<|end|>' }
    const own = template(CHATML, [...CHATML_TOKENS, '<|end|>'], { tokens })
    expect(choose('llama', own).family.stopTokens).toEqual(['<|im_end|>', '<|end|>'])
  })

  test('begins a call that must come as the template writes calls', () => {
    const { family } = choose('llama', template(HERMES, CHATML_TOKENS))
    expect(family.callStart('Read')).toEqual(['<tool_call>\n{"name": "Read", "arguments": '])
  })

  test('of two templates, one is for requests with tools', () => {
    // As published ones do, it goes through the tools without asking whether there are any.
    const toolSource = HERMES.replace('{%- if tools %}', '{%- if tools | length > 0 %}')
    const own = template(CHATML, CHATML_TOKENS, { toolSource })
    const { family } = choose('llama', own)
    expect(family.name).toBe('hermes')
    expect(written(family.render(chat([user(text('Hi'))])))).toContain('Functions:')
    expect(written(family.render(chat([user(text('Hi'))], [])))).toBe(
      '<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\n',
    )
    const past = [
      user(text('Go')),
      model(call('1')),
      user(result('1', 'inside')),
      model(text('ok')),
      user(text('Name it')),
    ]
    expect(written(family.render(chat(past, [])))).toContain('inside')
  })

  test('is found at once with an earlier verdict', () => {
    for (const [modelType, own] of [
      ['gemma3', template(GEMMA3, GEMMA_TOKENS)],
      ['llama', template(HERMES, CHATML_TOKENS)],
    ] as const) {
      const first = choose(modelType, own)
      const again = chatFamily(
        { modelType, has: (token) => own.controls.includes(token), template: own },
        JSON.parse(JSON.stringify(first.verdict ?? {})),
      )
      expect(again.family.name).toBe(first.family.name)
      const talk = chat([...work, user(result('1', 'inside'))])
      expect(written(again.family.render(talk))).toBe(written(first.family.render(talk)))
    }
  })

  test.each(['gemma3', 'gemma4', 'gemma2', 'llama', 'mistral'])(
    '%s without a template is a base model, which refuses every chat',
    (modelType) => {
      const { family } = chatFamily({ modelType, has: () => true })
      expect(family.name).toBe('base')
      const refusal = { code: 'invalid_request', message: expect.stringMatching(/no chat template.*base model.*-it/) }
      expect(() => family.render(chat([user(text('Hi'))]))).toThrow(expect.objectContaining(refusal))
    },
  )

  test('of another architecture is refused', () => {
    expect(() => choose('qwen3', template(CHATML, CHATML_TOKENS))).toThrow(
      expect.objectContaining({ code: 'unsupported_model', message: expect.stringMatching(/Gemma.*Llama.*Mistral/) }),
    )
  })
})
