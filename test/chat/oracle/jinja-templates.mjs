/**
 * Compares published templates with jinja2: node test/chat/oracle/jinja-templates.mjs <folder with *.jinja files>
 *
 * TETHER_ORACLE_PYTHON is a Python with jinja2 and transformers. Needs `npm run build`.
 */
import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { Template } from '../../../dist/chat/jinja/template.js'

const schema = {
  type: 'object',
  properties: {
    path: { type: 'string', description: 'Where it is.\nAbsolute.' },
    mode: { enum: ['r', 'w'], default: 'r' },
    lines: { type: 'array', items: { type: 'integer' } },
    more: { type: ['object', 'null'], properties: { deep: { anyOf: [{ type: 'string' }, { type: 'number' }] } } },
  },
  required: ['path'],
}
const tools = ['Read', 'Write'].map((name) => ({
  type: 'function',
  function: { name, description: `It's "${name}" <é>`, parameters: schema },
}))
const call = (id, args) => ({ id, type: 'function', function: { name: 'Read', arguments: args } })
const system = { role: 'system', content: 'Be kind.\n' }
const user = { role: 'user', content: ' Read x 😀\n' }
const answer = { role: 'assistant', content: 'Yes.' }
const calling = {
  role: 'assistant',
  content: '',
  tool_calls: [call('abcdefgh1', { path: 'x', n: 1.5, b: true, z: null })],
}
const result = { role: 'tool', name: 'Read', tool_call_id: 'abcdefgh1', content: '{"a": 1}' }
const thinking = { role: 'assistant', content: '<think>\nhm\n</think>\n\nYes.', reasoning_content: 'hm' }
const parts = { role: 'user', content: [{ type: 'text', text: 'In parts.' }] }

const histories = [
  [user],
  [system, user],
  [system, user, answer, user],
  [user, calling, result],
  [system, user, calling, result, answer, user],
  [user, thinking, user, calling, result],
  [user, { ...calling, tool_calls: [...calling.tool_calls, call('abcdefgh2', {})] }, result],
  [parts],
]
const common = { bos_token: '<s>', eos_token: '</s>', unk_token: '<unk>', pad_token: '<pad>', documents: null }
const chats = histories.flatMap((messages) =>
  [null, tools].flatMap((tools) => [
    { ...common, messages, tools, add_generation_prompt: true },
    { ...common, messages, tools, add_generation_prompt: false, enable_thinking: true },
  ]),
)

const options = { input: JSON.stringify(chats), maxBuffer: 2 ** 30 }
const script = join(import.meta.dirname, 'jinja_templates.py')
const expected = JSON.parse(
  execFileSync(process.env.TETHER_ORACLE_PYTHON ?? 'python3', [script, process.argv[2]], options),
)
const now = new Date(Date.UTC(2024, 6, 26, 15, 4, 5))
let equal = 0
let different = 0

for (const [path, answers] of Object.entries(expected)) {
  const source = readFileSync(path, 'utf8')
  const wrong = answers.flatMap(({ text, error }, i) => {
    const got = render(source, chats[i])
    return text === undefined
      ? got.text === undefined
        ? []
        : [{ i, error, got }]
      : got.text === text
        ? []
        : [{ i, text, got }]
  })
  equal += answers.length - wrong.length
  different += wrong.length
  if (wrong.length > 0) console.log(`${path}: ${wrong.length} of ${answers.length} differ`, describe(wrong[0]))
}
console.log(`${Object.keys(expected).length} templates: ${equal} equal, ${different} different`)
process.exitCode = different > 0 ? 1 : 0

function render(source, variables) {
  try {
    return { text: new Template(source).render(variables, { now }) }
  } catch (error) {
    return { error: error.message }
  }
}

function describe({ i, text, error, got }) {
  if (text === undefined || got.text === undefined)
    return { i, expected: error ?? 'a text', got: got.error ?? 'a text' }
  let at = 0
  while (text[at] === got.text[at]) at++
  return { i, expected: text.slice(at - 20, at + 60), got: got.text.slice(at - 20, at + 60) }
}
