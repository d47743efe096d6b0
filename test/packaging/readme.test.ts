/** README.md: every command in it runs, in a new home with the demo model, or another test proves it. */
import { execFileSync, spawn } from 'node:child_process'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, realpathSync, rmSync, symlinkSync } from 'node:fs'
import { type AddressInfo, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { firstCells, shellCommands } from '../house/markdown.js'
import { type ClaudeReport, writeFakeClaude } from '../support/cli-fake-claude.js'
import { collectOutput } from '../support/cli-output.js'
import { linkModule, makeConsumer, root } from '../support/consumer.js'
import { type FakeHub, startFakeHub } from '../support/fake-hub.js'
import { removePlace } from '../support/remove-place.js'
import { openTerminal, type Terminal } from '../support/terminal.js'

// The tests start a compiler and a model in other processes, on a machine that may be busy.
vi.setConfig({ testTimeout: 90_000 })

const readme = readFileSync(join(root, 'README.md'), 'utf8')
const model = 'mlx-community/gemma-4-e2b-it-4bit'
const question = '{"model": "local", "max_tokens": 50, "messages": [{"role": "user", "content": "Say pineapple."}]}'
const pineapple = /"content":\[\{"type":"text","text":"pineapple"\}\]/

/** How a command is proved. */
type Proof =
  /** By running it, or `as` with what keeps it short, in the place below. */
  | { prints: RegExp; as?: string }
  /** By starting Claude Code in a terminal, after these keys. */
  | { claudeGets: RegExp; keys?: string }
  /** By serving in a terminal until Ctrl-C, after these keys. */
  | { serves: true; keys?: string; as: string }
  /** By another test file, which contains this. */
  | { test: string; contains: string }

const proofs: Record<string, Proof> = {
  'npm start': { test: 'test/scripts/first-start.test.ts', contains: "'scripts/start.mjs'" },
  'npm test': { test: '.ci/run', contains: 'step npm test' },
  'npx tether': { test: 'test/packaging/starts.test.ts', contains: "'npx tether', clone" },
  'npm start --': { test: 'test/packaging/starts.test.ts', contains: "'npm start --', clone" },
  'npm start --silent --': { test: 'test/packaging/starts.test.ts', contains: "'npm start --silent --'" },
  'npm --prefix CLONE start': { test: 'test/packaging/starts.test.ts', contains: '`npm --prefix ' },
  'npm run pack': { test: 'test/support/consumer.ts', contains: "'scripts/pack.mjs'" },
  'npm install -g build/packages/*.tgz': { test: 'test/packaging/install.slow.ts', contains: '...archives' },
  'npm install -g @anthropic-ai/claude-code@latest': {
    test: 'test/scripts/first-start.test.ts',
    contains: 'npm install -g @anthropic-ai/claude-code@latest',
  },
  'npm install -g @tether/mlx': { test: 'test/packaging/install.slow.ts', contains: "'install'" },
  'npx @tether/mlx': { test: 'test/packaging/install.slow.ts', contains: "'npx'" },
  [`tether pull ${model}`]: {
    prints: /~\/again\/mlx-community\/gemma-4-e2b-it-4bit/,
    as: `tether pull ${model} --models-dir ~/again`,
  },
  tether: { claudeGets: /./, keys: '\r' },
  'tether --model gemma-4-e2b-it-4bit': { claudeGets: /./ },
  'tether --model mlx-community/gemma-4-e4b-it-4bit': {
    test: 'test/cli/commands/pull-missing.test.ts',
    contains: 'asks before anybody is contacted',
  },
  'tether -- --resume': { claudeGets: /^--resume$/m, keys: '\r' },
  'tether serve': { serves: true, keys: '\r', as: 'tether serve --port 0' },
  'tether --serve-only': { serves: true, keys: '\r', as: 'tether --serve-only --port 0' },
  'tether recommend': { prints: /mlx-community\/gemma-4-e2b-it-4bit +4\.6B/ },
  'tether show': { prints: /runs here +yes/, as: 'tether show gemma-4-e2b-it-4bit' },
  'tether rm': { test: 'test/cli/commands/rm.test.ts', contains: 'deletes a model and what is kept of its prompts' },
  'tether launch codex': { test: 'test/cli/agents/launch-agent.test.ts', contains: 'launch' },
  'tether service install': { test: 'test/cli/service/service.test.ts', contains: "'install'" },
  'tether ps': { prints: /^MODEL +ADDRESS .*\n.*\/gemma-4-e2b-it-4bit +http:/m },
  'tether stop': { test: 'test/cli/sharing/detached-server.test.ts', contains: "['stop', 'demo']" },
  'tether logs': { test: 'test/cli/sharing/detached-server.test.ts', contains: "['logs', '-f']" },
  'tether --help': { prints: /Usage: tether[\s\S]*--serve-only/ },
  'tether help COMMAND': { prints: /Usage: tether pull/, as: 'tether help pull' },
  'tether --list': { prints: /mlx-community\/gemma-4-e2b-it-4bit +gemma4_text .* yes/ },
  'tether config': { prints: /^max_context = 65536 +# .*config\.toml:\d+$/m },
  'tether env': { prints: /^export ANTHROPIC_BASE_URL='http:\/\/127\.0\.0\.1:\d+'/m },
  'tether completion bash': { prints: /complete .*tether/ },
  'tether completion -h': { prints: /Usage: tether completion/ },
  'tether doctor': { prints: /ok +addon[\s\S]*ok +models[\s\S]*ok +claude/ },
  'tether bench': { prints: /read tok\/s/, as: 'tether bench gemma-4-e2b-it-4bit --prompts 64 --tokens 4 --runs 1' },
  'tether cache': { prints: /~\/\.tether\/cache\/prefixes/ },
  'tether cache clear': { prints: /(kept in|of) ~\/\.tether\/cache\/prefixes/ },
  'curl -s http://127.0.0.1:8080/health': { prints: /"status":"ok"/ },
  [`curl -s http://127.0.0.1:8080/v1/messages -H 'content-type: application/json' -d '${question}'`]: {
    prints: pineapple,
  },
  'eval "$(tether env)"': {
    prints: /^http:\/\/127\.0\.0\.1:\d+$/m,
    as: 'eval "$(tether env)"; echo "$ANTHROPIC_BASE_URL"',
  },
  'curl -s "$ANTHROPIC_BASE_URL/status" -H "authorization: Bearer $ANTHROPIC_AUTH_TOKEN"': { prints: /"window":65536/ },
  [`curl -s "$ANTHROPIC_BASE_URL/v1/messages" -H "authorization: Bearer $ANTHROPIC_AUTH_TOKEN" -H 'content-type: application/json' -d '${question}'`]:
    { prints: pineapple },
}

/** Those of blocks of shell, of the table of commands, and in inline code. */
const commands = [...shellCommands(readme), ...firstCells(readme), ...inlineCommands(readme)]

/** `tether …`, `npm …` and `npx …` within the text, and in comments of blocks. Bare `tether` is the program. */
function inlineCommands(page: string): string[] {
  return [...page.matchAll(/`((?:tether|npm|npx) [^`\n]+)`|; (tether help \w+)/g)].map(
    ([, code, comment]) => code ?? comment ?? '',
  )
}

/** A home, and PATH with tether, node and a fake claude. */
let base: string
let hub: FakeHub
let env: Record<string, string>
let port: number
/** One for other clients, and one beside a fake Claude Code that stays. */
let servers: Terminal[]

beforeAll(async () => {
  execFileSync(process.execPath, [join(root, 'scripts/build.mjs')], { stdio: 'pipe' })
  base = realpathSync(mkdtempSync(join(tmpdir(), 'tether-readme-')))
  for (const name of ['home', 'temp', 'bin', 'project']) mkdirSync(join(base, name))
  symlinkSync(process.execPath, join(base, 'bin', 'node'))
  symlinkSync(join(root, 'bin', 'tether.mjs'), join(base, 'bin', 'tether'))
  writeFakeClaude(join(base, 'claude-bin'))
  const demo = join(root, 'demo', 'model')
  const files = Object.fromEntries(readdirSync(demo).map((name) => [name, readFileSync(join(demo, name))]))
  hub = await startFakeHub({ name: model, files })
  env = {
    HOME: join(base, 'home'),
    TMPDIR: join(base, 'temp'),
    PATH: [join(base, 'bin'), join(base, 'claude-bin'), '/usr/local/bin', '/usr/bin', '/bin'].join(':'),
    HF_ENDPOINT: hub.endpoint,
    FAKE_CLAUDE_REPORT: join(base, 'report.json'),
    LANG: 'C.UTF-8',
    SHELL: '/bin/sh',
  }
  // README begins with it, and what follows needs the model.
  const { code, stderr } = await runInShell(`tether pull ${model}`)
  expect({ code, stderr: code ? stderr : '' }).toEqual({ code: 0, stderr: '' })
  port = await freePort()
  servers = []
  // One after the other: `tether env` takes the one that started last.
  for (const command of [`--serve-only --port ${port}`, '--own --port 0 -- sleep']) {
    const terminal = inTerminal(`tether --model gemma-4-e2b-it-4bit ${command}`)
    servers.push(terminal)
    await terminal.shows(/\bready\b/, 60_000)
  }
}, 240_000)

afterAll(async () => {
  for (const terminal of servers ?? []) {
    terminal.kill('SIGTERM')
    await terminal.ended
  }
  await hub?.close()
  removePlace(base)
})

function runInShell(command: string) {
  // A shell of its own for each: those that need what `tether env` prints begin with it, as on the page.
  const known = command.includes('$ANTHROPIC_') && !command.startsWith('eval') ? 'eval "$(tether env)"; ' : ''
  const words = known + command.replaceAll('127.0.0.1:8080', `127.0.0.1:${port}`)
  return collectOutput(
    spawn('/bin/sh', ['-c', words], { cwd: join(base, 'project'), env, stdio: ['ignore', 'pipe', 'pipe'] }),
  ).ended
}

function inTerminal(command: string): Terminal {
  return openTerminal('/bin/sh', ['-c', `exec ${command}`], { cwd: join(base, 'project'), env, columns: 100, rows: 40 })
}

async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  await new Promise((resolve) => server.close(resolve))
  return port
}

describe('the commands of README.md', () => {
  test('all have a proof, and all proofs are needed', () => {
    expect([...new Set(commands)].filter((command) => !(command in proofs))).toEqual([])
    expect(Object.keys(proofs).filter((command) => !commands.includes(command))).toEqual([])
  })

  test.each(Object.entries(proofs))('%s', async (command, proof) => {
    if ('test' in proof) {
      expect(readFileSync(join(root, proof.test), 'utf8')).toContain(proof.contains)
      return
    }
    if ('prints' in proof) {
      const { code, stdout, stderr } = await runInShell(proof.as ?? command)
      expect(stdout + stderr).toMatch(proof.prints)
      expect(code).toBe(0)
      return
    }
    rmSync(env.FAKE_CLAUDE_REPORT as string, { force: true })
    const terminal = inTerminal('as' in proof ? proof.as : command)
    if (proof.keys) {
      await terminal.shows(/gemma-4-e2b-it-4bit[\s\S]*Enter/)
      terminal.type(proof.keys)
    }
    if ('serves' in proof) {
      await terminal.shows(/\bready\b[\s\S]*http:\/\/127\.0\.0\.1:\d+/)
      terminal.type('\u0003')
    }
    const code = await terminal.ended
    // 130: it was interrupted before it had printed everything.
    const expected = 'serves' in proof ? [0, 130] : [0]
    expect(expected, terminal.screen().join('\n')).toContain(code)
    if ('serves' in proof) return
    const report = JSON.parse(readFileSync(env.FAKE_CLAUDE_REPORT as string, 'utf8')) as ClaudeReport
    expect(report).toMatchObject({ authorized: 200, unauthorized: 401 })
    expect(report.args.join('\n')).toMatch(proof.claudeGets)
  })

  test('without its key the curl beside Claude Code is told where the key is', async () => {
    const { stdout } = await runInShell('curl -s "$ANTHROPIC_BASE_URL/status"')
    expect(stdout).toMatch(/missing API key: run tether env on the server's machine to see it/)
  })
})

describe('the programs of README.md', () => {
  const programsIn = (page: string) => [...page.matchAll(/^```ts\n([\s\S]*?)^```$/gm)].map(([, code]) => code)
  const [sdk = '', openAi = '', library = ''] = programsIn(readme)

  /** Runs it in a project that has the package and the SDKs. */
  async function runProgram(program: string) {
    const consumer = makeConsumer()
    try {
      linkModule(consumer, '@anthropic-ai/sdk')
      linkModule(consumer, 'openai')
      mkdirSync(join(consumer.folder, 'node_modules/@tether'))
      symlinkSync(root, join(consumer.folder, 'node_modules/@tether/mlx'))
      return await consumer.run('node', ['--input-type=module', '--eval', program])
    } finally {
      consumer.remove()
    }
  }

  test('the library answers and serves', async () => {
    const { code, stdout, stderr } = await runProgram(library)
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    expect(stdout).toMatch(/^\[ \{ type: 'text', text: 'pineapple' \} \]\nhttp:\/\/127\.0\.0\.1:\d+\n$/)
  })

  test('the SDK gets an answer', async () => {
    const ask = `console.log((await client.messages.create(${question})).content[0].text)`
    const { code, stdout, stderr } = await runProgram(`${sdk.replace('8080', String(port))}\n${ask}`)
    expect({ code, stdout, stderr }).toEqual({ code: 0, stdout: 'pineapple\n', stderr: '' })
  })

  test('OpenAI’s SDK gets an answer, as docs/openai.md asks for it too', async () => {
    const ask = `console.log((await openai.chat.completions.create(${question})).choices[0].message.content)`
    const [fromDocs = ''] = programsIn(readFileSync(join(root, 'docs/openai.md'), 'utf8'))
    for (const program of [`${openAi}\n${ask}`, fromDocs]) {
      const { code, stdout, stderr } = await runProgram(program.replace('8080', String(port)))
      expect({ code, stdout, stderr }).toEqual({ code: 0, stdout: 'pineapple\n', stderr: '' })
    }
  })
})
