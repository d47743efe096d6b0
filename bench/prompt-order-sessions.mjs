// Sessions of the real Claude Code against a scripted server, which keeps what each of them sent. Nothing leaves the
// machine.
import { execFileSync, spawn } from 'node:child_process'
import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { claudeSettings } from '../dist/cli/claude/claude-settings.js'

const patienceMs = 120_000
const ticketServer = fileURLToPath(new URL('mcp-tools.mjs', import.meta.url))

/**
 * Runs every session. `faketime`: the library that gives a program another day; without it no session has one.
 * -> the bodies of each session by its name: `main`, the conversation's first request, and `agents`, the first one of
 * each subagent.
 */
export async function recordSessions({ claude, faketime, onSession = () => {} }) {
  const base = realpathSync(mkdtempSync(join(tmpdir(), 'tether-order-')))
  const server = await scriptedServer()
  const place = { base, home: join(base, 'home'), claude, server }
  try {
    mkdirSync(place.home)
    const [here, there] = ['notes', 'weather-station'].map((name) => makeProject(place, name))
    const recorded = {}
    const record = async (name, session) => {
      onSession(name)
      recorded[name] = await runSession(place, session)
    }
    await record('first', { cwd: here, prompt: 'Say apple.' })
    await record('again', { cwd: here, prompt: 'Which files are here?' })
    await record('other folder', { cwd: there, prompt: 'Which files are here?' })
    if (faketime) {
      const env = { LD_PRELOAD: faketime, FAKETIME: '+3d' }
      await record('other day', { cwd: here, prompt: 'Which files are here?', env })
    }
    const args = [
      '--mcp-config',
      JSON.stringify({ mcpServers: { tickets: { command: process.execPath, args: [ticketServer] } } }),
    ]
    await record('MCP server', { cwd: here, prompt: 'Which files are here?', args })
    const upFront = { ENABLE_TOOL_SEARCH: 'false' }
    await record('all tools', { cwd: here, prompt: 'Say apple.', env: upFront })
    await record('all tools, MCP server', { cwd: here, prompt: 'Which files are here?', args, env: upFront })
    await record('agents', { cwd: here, prompt: 'Use two agents.', answer: callAgents })
    await record('agents there', { cwd: there, prompt: 'Use two agents.', answer: callAgents })
    writeFileSync(join(here, 'CLAUDE.md'), '# Notes\n\nWrite short sentences. Run `make check` before you finish.\n')
    await record('CLAUDE.md', { cwd: here, prompt: 'Which files are here?' })
    rmSync(join(here, 'CLAUDE.md'))
    git(place, here, ['checkout', '-q', '-b', 'spelling'])
    writeFileSync(join(here, 'README.md'), '# Notes, with a change\n')
    await record('other git state', { cwd: here, prompt: 'Which files are here?' })
    return recorded
  } finally {
    server.close()
    rmSync(base, { recursive: true, force: true, maxRetries: 5 })
  }
}

function makeProject(place, name) {
  const folder = join(place.base, name)
  mkdirSync(folder)
  git(place, folder, ['init', '-q', '-b', 'main'])
  for (const [file, text] of [
    ['README.md', `# ${name}\n`],
    ['todo.txt', `what ${name} still lacks\n`],
  ]) {
    writeFileSync(join(folder, file), text)
    git(place, folder, ['add', '.'])
    git(place, folder, ['commit', '-q', '-m', `${name}: add ${file}`])
  }
  return folder
}

function git({ home }, cwd, args) {
  const who = ['-c', 'user.name=Sam', '-c', 'user.email=sam@example.org']
  execFileSync('git', [...who, ...args], { cwd, env: { PATH: process.env.PATH, HOME: home } })
}

/** One `claude -p`, launched with the settings that tether gives it. */
async function runSession(
  { claude, home, server },
  { cwd, prompt, args = [], env: more = {}, answer = () => undefined },
) {
  const bodies = server.begin(answer)
  const wiring = { url: server.url, token: 'none', window: 65_536, modelName: 'local' }
  const { env, settings } = claudeSettings(wiring, {
    HOME: home,
    PATH: process.env.PATH,
    LANG: 'C.UTF-8',
    TZ: 'UTC',
    ...more,
  })
  const file = join(home, 'settings.json')
  writeFileSync(file, JSON.stringify(settings))
  const child = spawn(claude, ['-p', prompt, '--settings', file, ...args], {
    cwd,
    env,
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const late = setTimeout(() => child.kill('SIGKILL'), patienceMs)
  let said = ''
  child.stdout.on('data', (data) => (said += data))
  child.stderr.on('data', (data) => (said += data))
  const code = await new Promise((resolve, reject) => child.once('error', reject).once('close', resolve))
  clearTimeout(late)
  const main = bodies.find(({ agent }) => agent === undefined)?.body
  if (code !== 0 || !main) throw new Error(`${claude} ended with ${code} and sent ${bodies.length} requests: ${said}`)
  const ids = [...new Set(bodies.flatMap(({ agent }) => agent ?? []))]
  return { main, agents: ids.map((id) => bodies.find(({ agent }) => agent === id).body) }
}

/** The first request of the conversation starts two agents. */
function callAgents({ messages }) {
  if (messages.some(({ role }) => role === 'assistant')) return undefined
  return ['Count the files.', 'Name the files.'].map((prompt, i) => ({
    type: 'tool_use',
    id: `toolu_agent${i}`,
    name: 'Agent',
    input: { description: `Task ${i}`, prompt, subagent_type: 'general-purpose', run_in_background: false },
  }))
}

/** Answers "Done." to everything but what `answer` wants answered otherwise. */
async function scriptedServer() {
  let bodies = []
  let answer
  const server = createServer(async (request, response) => {
    const path = request.url.split('?')[0]
    const chunks = []
    for await (const chunk of request) chunks.push(chunk)
    if (request.method !== 'POST' || path !== '/v1/messages') {
      response.writeHead(404).end()
      return
    }
    const body = JSON.parse(Buffer.concat(chunks).toString('utf8'))
    const agent = request.headers['x-claude-code-agent-id']
    bodies.push({ agent, body })
    const calls = agent === undefined ? answer(body) : undefined
    response.writeHead(200, { 'content-type': 'text/event-stream' })
    response.end(eventsOf(body.model, calls ?? [{ type: 'text', text: 'Done.' }]))
  })
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${server.address().port}`,
    /** -> what the next session sends, as it comes */
    begin(how) {
      answer = how
      bodies = []
      return bodies
    },
    close: () => server.close().closeAllConnections(),
  }
}

function eventsOf(model, blocks) {
  const usage = { input_tokens: 10_000, output_tokens: 10 }
  const message = {
    id: 'msg_1',
    type: 'message',
    role: 'assistant',
    model,
    content: [],
    stop_reason: null,
    stop_sequence: null,
    usage,
  }
  const events = [{ type: 'message_start', message }]
  for (const [index, block] of blocks.entries()) {
    const isCall = block.type === 'tool_use'
    const start = isCall ? { ...block, input: {} } : { type: 'text', text: '' }
    const delta = isCall
      ? { type: 'input_json_delta', partial_json: JSON.stringify(block.input) }
      : { type: 'text_delta', text: block.text }
    events.push({ type: 'content_block_start', index, content_block: start })
    events.push({ type: 'content_block_delta', index, delta }, { type: 'content_block_stop', index })
  }
  const reason = blocks.some(({ type }) => type === 'tool_use') ? 'tool_use' : 'end_turn'
  events.push(
    { type: 'message_delta', delta: { stop_reason: reason, stop_sequence: null }, usage },
    { type: 'message_stop' },
  )
  return events.map((event) => `event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`).join('')
}
