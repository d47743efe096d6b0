// Measures how many tokens of its first prompt a session of Claude Code shares with an earlier one, in each order of the
// prompt.
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { parseArgs } from 'node:util'
import { prepareMessage } from '../dist/anthropic/prepare.js'
import { FAMILIES } from '../dist/chat/families.js'
import { templateFamily } from '../dist/chat/templates/template-family.js'
import { loadTokenizer } from '../dist/chat/tokenizer/load.js'
import { createTurnMemory } from '../dist/turn/turn-memory.js'
import { tokenizerFile } from '../scripts/tokenizer-files.mjs'
import { gemma4Vocabulary } from './gemma4-vocabulary.mjs'
import { recordSessions } from './prompt-order-sessions.mjs'

const { values: options } = parseArgs({
  options: {
    claude: { type: 'string' },
    faketime: { type: 'string' },
    keep: { type: 'string' },
    from: { type: 'string' },
    help: { type: 'boolean', default: false },
  },
})
const HELP = `npm run bench:order -- [options]
  --claude PATH      which Claude Code; default: the one of the end-to-end tests, which is fetched once
  --faketime PATH    libfaketime.so.1, which gives a session another day; default: Debian's; without one it is skipped
  --keep FILE        writes the recorded requests there
  --from FILE        reads them from there instead of running Claude Code`

const DEBIANS = '/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1'
const ORDERS = ['template', 'stable-first']
/** A first prompt in the order of Mistral's templates since Small 3. */
const MISTRAL = `{{ bos_token }}{% for m in messages if m.role == 'system' %}[SYSTEM_PROMPT]{{ m.content }}[/SYSTEM_PROMPT]{% endfor %}
{%- if tools %}[AVAILABLE_TOOLS]{{ tools | tojson }}[/AVAILABLE_TOOLS]{% endif %}
{%- for m in messages %}{% if m.role == 'user' %}[INST]{{ m.content }}[/INST]{% elif m.role == 'tool' %}[TOOL_RESULTS]{{ m.content }}[/TOOL_RESULTS]
{%- elif m.tool_calls %}[TOOL_CALLS]{{ m.tool_calls | tojson }}</s>{% elif m.role == 'assistant' %}{{ m.content }}</s>{% endif %}{% endfor %}`
/** The second session, the first, and what is different. */
const PAIRS = [
  ['another question', 'first', 'again'],
  ['another day', 'again', 'other day'],
  ['another branch and a changed file', 'again', 'other git state'],
  ['a CLAUDE.md', 'again', 'CLAUDE.md'],
  ['another folder', 'first', 'other folder'],
  ['an MCP server more', 'first', 'MCP server'],
  ['an MCP server more, without tool search', 'all tools', 'all tools, MCP server'],
  ['a subagent after its main conversation', 'agents', 'agents/0'],
  ['a second subagent', 'agents/0', 'agents/1'],
  ['a subagent, another folder', 'agents/0', 'agents there/0'],
]

if (options.help) console.log(HELP)
else {
  const scratch = mkdtempSync(join(tmpdir(), 'tether-bench-'))
  try {
    const sessions = await readSessions()
    for (const speaker of await speakers(scratch)) report(speaker, sessions)
  } finally {
    rmSync(scratch, { recursive: true })
  }
}

/** -> the body of each request by its name */
async function readSessions() {
  const faketime = options.faketime ?? (existsSync(DEBIANS) ? DEBIANS : undefined)
  const onSession = (name) => console.error(`recording: ${name}`)
  const recorded = options.from
    ? JSON.parse(readFileSync(options.from, 'utf8'))
    : await recordSessions({ claude: options.claude, faketime, onSession })
  if (options.keep) writeFileSync(options.keep, JSON.stringify(recorded))
  return new Map(
    Object.entries(recorded).flatMap(([name, { main, agents }]) => [
      [name, main],
      ...agents.map((body, i) => [`${name}/${i}`, body]),
    ]),
  )
}

/** Families with a real vocabulary each. */
async function speakers(scratch) {
  writeFileSync(join(scratch, 'tokenizer.json'), JSON.stringify(gemma4Vocabulary(tokenizerFile('gemma3'))))
  const load = (folder) => loadTokenizer(folder, { cache: scratch })
  const real = (name) => load(dirname(tokenizerFile(name)))
  const tokenizer = await real('mistral_nemo')
  const tokens = { bos_token: '<s>', eos_token: '</s>' }
  const mistral = templateFamily({ source: MISTRAL, path: 'MISTRAL', tokens, controls: tokenizer.controls })
  return [
    { name: 'Gemma 4', family: FAMILIES.gemma4, tokenizer: await load(scratch) },
    { name: 'Gemma 3', family: FAMILIES.gemma3, tokenizer: await real('gemma3') },
    { name: 'Llama 3.1', family: FAMILIES.llama3, tokenizer: await real('llama3_1') },
    { name: 'Mistral', family: { ...mistral, callStart: () => [] }, tokenizer },
  ]
}

function report({ name, family, tokenizer }, sessions) {
  const promptOf = (body, order) => {
    const ordered = { ...family, render: (chat) => family.render(chat, order) }
    const memory = createTurnMemory()
    return prepareMessage({ family: ordered, tokenizer, memory, thinking: 'auto', window: 2 ** 20 }, body).tokens
  }
  console.log(`\n${name}: tokens of the later prompt, and how many of them it shares`)
  console.log(`${''.padEnd(42)}${'tokens'.padStart(8)}${ORDERS.map((order) => order.padStart(22)).join('')}`)
  for (const [difference, earlier, later] of PAIRS) {
    const [one, other] = [sessions.get(earlier), sessions.get(later)]
    if (!one || !other) continue
    const shared = ORDERS.map((order) => commonLength(promptOf(one, order), promptOf(other, order)))
    const total = promptOf(other, 'template').length
    const columns = shared.map((count) => `${count} (${((100 * count) / total).toFixed(0)}%)`.padStart(22))
    console.log(`${difference.padEnd(42)}${String(total).padStart(8)}${columns.join('')}`)
  }
  const first = sessions.get('first')
  const lengthOf = (body) => promptOf(body, 'template').length
  const [all, noSystem, noTools] = [first, { ...first, system: undefined }, { ...first, tools: [] }].map(lengthOf)
  const [before, after] = ORDERS.map((order) => promptOf(first, order))
  const what = commonLength(before, after) === before.length ? 'nothing moves' : 'they change places'
  console.log(`system text: ${all - noSystem} tokens, tools: ${all - noTools}; with stable-first ${what}`)
}

function commonLength(one, other) {
  const most = Math.min(one.length, other.length)
  let length = 0
  while (length < most && one[length] === other[length]) length += 1
  return length
}
