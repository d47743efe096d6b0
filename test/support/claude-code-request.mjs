// Requests of Claude Code's shape and size (about 53 kB), made of generated sentences, for the tests and for benches, which
// run without TypeScript.

const SUBJECTS = [
  'The agent',
  'A command',
  'The working directory',
  'Each file',
  'The user',
  'A tool',
  'This option',
  'The output',
]
const ACTS = ['reads', 'keeps', 'returns', 'replaces', 'checks', 'explains', 'limits', 'lists', 'follows', 'waits for']
const THINGS = [
  'the path that was given',
  'every line of the result',
  'a message with the reason',
  'the state of the repository',
  'only what was asked for',
  'the first match in the file',
  'at most 2000 lines',
  'a timeout in milliseconds',
  'the name of the branch',
  'what is already known',
]
const ENDS = [
  '.',
  ', and says so.',
  ', never more.',
  ' (default: 120000).',
  ' when it is needed.',
  '; see `--help`.',
  ' first.',
]

/** Text of `size` characters, the same for the same seed. */
export function prose(seed, size) {
  const next = random(seed)
  const pick = (list) => list[Math.floor(next() * list.length)]
  let text = ''
  while (text.length < size) {
    const start = next() < 0.15 ? '\n- ' : next() < 0.1 ? '\n\n# Notes\n' : text ? ' ' : ''
    text += `${start}${pick(SUBJECTS)} ${pick(ACTS)} ${pick(THINGS)}${pick(ENDS)}`
  }
  return text.slice(0, size)
}

/** Numbers in [0, 1) by mulberry32, the same for the same seed. */
export function random(seed) {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

const string = (description) => ({ type: 'string', description })

function tool(name, seed, size, properties, required) {
  return {
    name,
    description: prose(seed, size),
    input_schema: { type: 'object', properties, required, additionalProperties: false },
  }
}

/** Twelve tools, about 31 kB. */
export function tools() {
  const path = string('The absolute path to the file')
  const others = ['Agent', 'ListItems', 'ReportNotes', 'Schedule', 'Skill', 'Search', 'Workflow', 'Placeholder']
  return [
    ...others.map((name, i) => tool(name, 100 + i, 2900, { prompt: string(prose(200 + i, 300)) }, ['prompt'])),
    tool('Bash', 1, 3400, { command: string('The command to run'), description: string(prose(2, 400)) }, ['command']),
    tool('Edit', 3, 900, { file_path: path, old_string: string('What'), new_string: string('With what') }, [
      'file_path',
    ]),
    tool('Read', 4, 1500, { file_path: path, offset: { type: 'number', description: prose(5, 120) } }, ['file_path']),
    tool('Write', 6, 600, { content: string('The content of the file'), file_path: path }, ['content', 'file_path']),
  ]
}

/** The request for one line of a user, with the tool calls made for it so far. */
export function claudeCodeRequest(line, turns = [], maxTokens = 200) {
  const called = turns.flatMap((turn, i) => [
    { role: 'assistant', content: [{ type: 'tool_use', id: `toolu_${i}`, name: turn.name, input: turn.input }] },
    {
      role: 'user',
      content: [{ type: 'tool_result', tool_use_id: `toolu_${i}`, content: turn.output, is_error: turn.is_error }],
    },
  ])
  const reminder = (seed, size) => `<system-reminder>\n${prose(seed, size)}\n</system-reminder>`
  return {
    model: 'tether-local',
    max_tokens: maxTokens,
    thinking: { type: 'adaptive', display: 'omitted' },
    system: [
      { type: 'text', text: 'x-anthropic-billing-header: cc_version=0.0.0.abc; cc_entrypoint=sdk-cli;' },
      { type: 'text', text: 'You are a Claude agent.', cache_control: { type: 'ephemeral' } },
      { type: 'text', text: prose(7, 6700), cache_control: { type: 'ephemeral' } },
    ],
    tools: tools(),
    messages: [
      {
        role: 'user',
        content: [
          { type: 'text', text: reminder(8, 540) },
          { type: 'text', text: `${reminder(9, 540)}\n` },
          { type: 'text', text: line, cache_control: { type: 'ephemeral' } },
        ],
      },
      { role: 'system', content: [{ type: 'text', text: `# Environment\n${prose(10, 9000)}` }] },
      ...called,
    ],
  }
}
