// Conversations of Claude Code's shape: recorded ones, and generated ones of any size.
import { readFileSync } from 'node:fs'
import { claudeCodeRequest, prose } from '../../test/support/claude-code-request.mjs'

/** Tokens that an answer may have. */
const ANSWER = 32

/** The requests of a recording, one a line, with short greedy answers. */
export function recordedRequests(path, longest = ANSWER) {
  const lines = readFileSync(path, 'utf8').trim().split('\n')
  return lines.map((line) => ({ ...JSON.parse(line), max_tokens: longest, temperature: 0, thinking: undefined }))
}

/**
 * A conversation that goes on with the answers it gets. `share` is the size of the first request (1: 53 kB), `growth` the
 * characters that come with each turn. `kind`: other numbers are other system texts with other tools, as subagents have.
 *
 * -> `next()`: its next request; `answered(content)`
 */
export function conversation({ seed, share = 1, growth = 1000, kind = 0, longest = ANSWER }) {
  const cut = (text) => text.slice(0, Math.ceil(text.length * share))
  const whole = claudeCodeRequest(`${prose(seed * 1000, 200)} (task ${seed})`)
  const system = whole.system.map((block) => ({ type: 'text', text: cut(block.text) }))
  if (kind > 0) system.push({ type: 'text', text: cut(prose(50 + kind, 4000)) })
  const tools = whole.tools.slice(kind > 0 ? 6 : 0).map((tool) => ({ ...tool, description: cut(tool.description) }))
  const [user, environment] = whole.messages
  const messages = [
    { role: 'user', content: user.content.map(({ type, text }, i) => ({ type, text: i < 2 ? cut(text) : text })) },
    { role: 'system', content: environment.content.map(({ type, text }) => ({ type, text: cut(text) })) },
  ]
  let turn = 0
  return {
    next: () => ({ model: 'bench', max_tokens: longest, temperature: 0, system, tools, messages: [...messages] }),
    answered(content) {
      turn++
      // The Messages API takes no empty answer.
      const said = content.length > 0 ? content : [{ type: 'text', text: 'Done.' }]
      messages.push({ role: 'assistant', content: said })
      const calls = said.filter(({ type }) => type === 'tool_use')
      const text = prose(seed * 1000 + turn, growth)
      const results = calls.map(({ id }) => ({ type: 'tool_result', tool_use_id: id, content: text }))
      messages.push({ role: 'user', content: results.length > 0 ? results : [{ type: 'text', text }] })
    },
  }
}

/** A request for a title: a short system text, no tools, one message. */
export function titleRequest(seed) {
  return {
    model: 'bench',
    max_tokens: 8,
    temperature: 0,
    system: prose(77, 1200),
    messages: [{ role: 'user', content: prose(900 + seed, 300) }],
  }
}

/** The same text for every program: tools as text of the system, contents as text. */
export function asPlainText({ system, tools, messages, ...rest }) {
  const textOf = (content) =>
    typeof content === 'string' ? content : content.map((block) => block.text ?? JSON.stringify(block)).join('\n')
  const described = tools.map(({ name, description, input_schema: schema }) =>
    [`# ${name}`, description, JSON.stringify(schema)].join('\n'),
  )
  const [first, environment, ...later] = messages
  return {
    ...rest,
    system: [textOf(system), ...described, textOf(environment.content)].join('\n\n'),
    messages: [first, ...later].map(({ role, content }) => ({ role, content: textOf(content) })),
  }
}
