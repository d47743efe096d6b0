// Conversations that the demo model was trained for, as tokens, to measure its quantized KV cache on.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))

/** The model's tools. It does not read their schemas. */
const TOOLS = ['Bash', 'Read', 'Write'].map((name) => ({
  name,
  description: `${name} is a tool.`,
  schema: { type: 'object', properties: {}, required: [] },
}))

/**
 * One prompt of at least `least` tokens: a page of text, then the demo model's test requests with the right answers, in
 * an order that depends on `seed`. `answers` are the positions of the tokens of text answers, the only ones that the
 * model was trained to predict.
 *
 * @param {{ family: { render(chat: object): unknown[] }, tokenizer: { encodePrompt(pieces: unknown[]): Int32Array } }} model
 * @param {{ least: number, seed: number }} options
 * @returns {{ tokens: Int32Array, answers: number[] }}
 */
export function conversation({ family, tokenizer }, { least, seed }) {
  const asked = JSON.parse(readFileSync(join(root, 'demo/eval/prompts.json'), 'utf8'))
  const page = readFileSync(join(root, 'demo/README.md'), 'utf8')
  const messages = [{ role: 'system', parts: [{ type: 'text', text: page }] }]
  const random = generator(seed)
  const encode = (some) => tokenizer.encodePrompt(family.render({ messages: some, tools: TOOLS, thinking: false }))
  let tokens = new Int32Array(0)
  for (let calls = 0; tokens.length < least; ) {
    for (const one of shuffled(asked, random)) messages.push(...turns(one, () => `call_${calls++}`))
    tokens = encode(messages)
  }
  const answers = []
  for (const [i, { role, parts }] of messages.entries()) {
    if (role !== 'assistant' || parts[0].type !== 'text') continue
    const before = encode(messages.slice(0, i))
    const length = tokenizer.encodePrompt([parts[0].text]).length
    if (before.some((token, at) => token !== tokens[at])) continue
    for (let at = 0; at < length; at++) answers.push(before.length + at)
  }
  return { tokens, answers }
}

/** A user's line, the tool calls made for it so far, and the answer. */
function turns({ prompt, turns: made = [], expect }, newId) {
  const parts = []
  for (const { name, input, output, is_error: isError } of made) {
    const id = newId()
    parts.push({ role: 'assistant', parts: [{ type: 'tool_call', id, name, input }] })
    parts.push({ role: 'user', parts: [{ type: 'tool_result', id, text: output, isError }] })
  }
  const { text, tool: name, input } = expect
  if (text !== undefined) parts.push({ role: 'assistant', parts: [{ type: 'text', text }] })
  else {
    const id = newId()
    parts.push({ role: 'assistant', parts: [{ type: 'tool_call', id, name, input }] })
    parts.push({ role: 'user', parts: [{ type: 'tool_result', id, text: 'done', isError: false }] })
    parts.push({ role: 'assistant', parts: [{ type: 'text', text: 'done' }] })
  }
  return [{ role: 'user', parts: [{ type: 'text', text: prompt }] }, ...parts]
}

function shuffled(list, random) {
  const left = [...list]
  return list.map(() => left.splice(Math.floor(random() * left.length), 1)[0])
}

/** Numerical Recipes' linear congruential generator, in [0, 1). */
function generator(seed) {
  let state = seed >>> 0
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return state / 2 ** 32
  }
}
