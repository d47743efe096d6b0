/** Real agents on the demo model: each answers, uses a tool, and leaves the user's own settings alone, which name other models. */
import { spawn } from 'node:child_process'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { delimiter, dirname, join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { askedOf, expectAllAnswered, expectNothingLeft, makeWorkplace, type Workplace } from '../support/cli-e2e.js'
import { collectOutput, type Ended } from '../support/cli-output.js'

interface Tried {
  /** Its words for one answer to this without a terminal, with leave to use tools. */
  words: (prompt: string) => string[]
  /** The call that runs this command, in its own tools. */
  call: (command: string) => { call: string; input: object }
  /** Of the user: they send it to a server that does not exist. */
  settings: Record<string, string>
}

const elsewhere = 'http://127.0.0.1:9/v1'
const json = (value: object) => `${JSON.stringify(value, null, 2)}\n`

const tried: Record<string, Tried> = {
  codex: {
    words: (prompt) => ['exec', '--sandbox', 'danger-full-access', prompt],
    call: (cmd) => ({ call: 'exec_command', input: { cmd } }),
    settings: {
      '.codex/config.toml': `model = "other"\nmodel_provider = "other"\n\n[model_providers.other]\nname = "other"\nbase_url = "${elsewhere}"\n`,
    },
  },
  opencode: {
    // A word with a space in it would reach the model in quotes.
    words: (prompt) => ['run', ...prompt.split(' ')],
    call: (command) => ({ call: 'bash', input: { command, description: 'Runs it.' } }),
    settings: {
      '.config/opencode/opencode.json': json({
        // opencode itself adds it where it is missing.
        $schema: 'https://opencode.ai/config.json',
        model: 'other/other',
        provider: {
          other: { npm: '@ai-sdk/openai-compatible', options: { baseURL: elsewhere }, models: { other: {} } },
        },
      }),
    },
  },
  qwen: {
    words: (prompt) => ['--yolo', '-p', prompt],
    call: (command) => ({ call: 'run_shell_command', input: { command, is_background: false } }),
    settings: {
      '.qwen/settings.json': json({
        $version: 4,
        security: { auth: { selectedType: 'openai', baseUrl: elsewhere, apiKey: 'other' } },
        model: { name: 'other' },
      }),
    },
  },
  pi: {
    words: (prompt) => ['-p', prompt],
    call: (command) => ({ call: 'bash', input: { command } }),
    settings: {
      '.pi/agent/settings.json': json({ defaultProvider: 'other', defaultModel: 'other' }),
      '.pi/agent/models.json': json({
        providers: {
          other: { baseUrl: elsewhere, api: 'openai-completions', apiKey: 'other', models: [{ id: 'other' }] },
        },
      }),
    },
  },
  continue: {
    words: (prompt) => ['--allow', 'Bash', '-p', prompt],
    call: (command) => ({ call: 'Bash', input: { command } }),
    settings: {
      '.continue/config.yaml': `name: other\nversion: 1.0.0\nschema: v1\nmodels:\n  - {name: other, provider: openai, model: other, apiBase: ${elsewhere}, apiKey: other}\n`,
    },
  },
}

let place: Workplace
beforeEach(() => {
  place = makeWorkplace({ scripted: true })
})
afterEach(() => place.remove())

function launch(name: string, words: string[]): Promise<Ended> {
  const bin = process.env.TETHER_TEST_AGENTS
  if (!bin) throw new Error('TETHER_TEST_AGENTS must name the folder of the agents; npm run test:agents sets it')
  const flags = ['--model', 'demo', '--port', '0', '--request-log', place.requests]
  const child = spawn(process.execPath, [place.program, 'launch', name, ...flags, '--', ...words], {
    cwd: place.repo,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: {
      HOME: place.home,
      TMPDIR: place.temp,
      PATH: `${bin}${delimiter}${process.env.PATH}`,
      TERM: 'xterm-256color',
    },
  })
  return collectOutput(child).ended
}

describe.each(Object.entries(tried))('%s', (name, { words, call, settings }) => {
  test('gets its answers and its tool calls from tether, and keeps what the user has set', async () => {
    for (const [file, content] of Object.entries(settings)) {
      mkdirSync(dirname(join(place.home, file)), { recursive: true })
      writeFileSync(join(place.home, file), content)
    }
    const script = [['Running it.', call('echo pelican > made.txt')], ['It wrote the file, says tundra.']]
    const { code, stdout, stderr } = await launch(name, words(`Play: ${JSON.stringify(script)}`))
    expect({ code, stdout }, stderr).toEqual({ code: 0, stdout: expect.stringContaining('says tundra') })
    expect(readFileSync(join(place.repo, 'made.txt'), 'utf8')).toBe('pelican\n')
    for (const [file, content] of Object.entries(settings))
      expect(readFileSync(join(place.home, file), 'utf8')).toBe(content)
    expect(askedOf(place).length).toBeGreaterThanOrEqual(2)
    expectAllAnswered(place)
    await expectNothingLeft(place)
  })
})
