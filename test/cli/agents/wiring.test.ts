/** What each agent is told of a server, and how a shell is told the same. */
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { type AgentWiring, answerTokens, modelId } from '../../../src/cli/agents/agent.js'
import { environment } from '../../../src/cli/agents/agent-client.js'
import { agents } from '../../../src/cli/agents/agent-table.js'
import { clientLines } from '../../../src/cli/agents/client-lines.js'
import { programLine } from '../../../src/cli/terminal/shell-lines.js'

const wiring: AgentWiring = {
  ...{ url: 'http://127.0.0.1:8080', token: 'secret-key', window: 65_536, modelName: 'gemma "4"' },
  ...{ folder: '/private', inherited: {} },
}
const names = Object.keys(agents) as (keyof typeof agents)[]
const wired = (name: keyof typeof agents, more: Partial<AgentWiring> = {}) => agents[name].wire({ ...wiring, ...more })

describe.each(names)('%s', (name) => {
  test('is told the address, the model, the window and the key, the key in no flag and in no file', () => {
    const { env, args, files } = wired(name)
    const told = JSON.stringify({ env, args, files: Object.values(files) })
    for (const each of ['127.0.0.1:8080', 'gemma', '65536']) expect(told).toContain(each)
    expect(Object.values(env)).toContain('secret-key')
    expect(JSON.stringify({ args, files })).not.toContain('secret-key')
  })

  test('is told where its files are', () => {
    const { env, args, files } = wired(name)
    for (const file of Object.keys(files)) expect([...Object.values(env), ...args]).toContain(`/private/${file}`)
  })

  test('trusts the certificates of a server that has some, and is told of none otherwise', () => {
    const told = (certificates?: string) => Object.values(wired(name, { certificates }).env)
    expect(told('/run/1.pem')).toContain('/run/1.pem')
    expect(told().filter((value) => value.includes('.pem'))).toEqual([])
  })

  test('gets values that a small window allows', () => {
    expect(JSON.stringify(wired(name, { window: 1000 }))).not.toMatch(/:-\d|=-\d/)
  })
})

test('codex gets TOML, with quotes in names escaped', () => {
  const { args } = wired('codex')
  expect(args.slice(0, 4)).toEqual(['-c', 'model="gemma \\"4\\""', '-c', 'model_provider="tether"'])
  expect(args).toContain('model_auto_compact_token_limit=49152')
  expect(args.filter((_, i) => i % 2 === 0)).toEqual(args.filter((_, i) => i % 2 === 0).map(() => '-c'))
})

test("opencode keeps the user's own configuration from the same variable, and routes by tether's", () => {
  const theirs = JSON.stringify({ model: 'other/model', theme: 'dark', provider: { other: {} } })
  const text = wired('opencode', { inherited: { OPENCODE_CONFIG_CONTENT: theirs } }).env.OPENCODE_CONFIG_CONTENT
  const config = JSON.parse(text ?? '')
  expect(config).toMatchObject({ theme: 'dark', model: 'tether/gemma "4"', enabled_providers: ['tether'] })
  expect(Object.keys(config.provider)).toEqual(['tether'])
  for (const broken of ['not JSON', '[]', 'null', ''])
    expect(wired('opencode', { inherited: { OPENCODE_CONFIG_CONTENT: broken } }).env).toEqual(wired('opencode').env)
})

test('the extension of pi is a module that registers one provider', async () => {
  const source = wired('pi').files['tether.js'] ?? ''
  const { default: extend } = await import(`data:text/javascript,${encodeURIComponent(source)}`)
  const registered: unknown[] = []
  extend({ registerProvider: (...about: unknown[]) => registered.push(about) })
  expect(registered).toMatchObject([['tether', { baseUrl: 'http://127.0.0.1:8080', apiKey: 'TETHER_API_KEY' }]])
})

test.each([
  ['gemma-4', 'gemma-4'],
  ['org/name', 'org/name'],
  ['a\u007fb', 'tether-local'],
  ['two\nlines', 'tether-local'],
  ['--flag', 'tether-local'],
])('a model named %j is %s for an agent', (name, id) => {
  expect(modelId(name)).toBe(id)
})

test.each([
  [65_536, 16_384],
  [8192, 2048],
  [1, 1],
])('in a window of %d tokens an answer has at most %d', (window, tokens) => {
  expect(answerTokens(window)).toBe(tokens)
})

test('the environment is the inherited one, with the empty variables of the agent unset and the proxy left out', () => {
  const inherited = { HOME: '/h', MODEL: 'x', EMPTY: '', HTTP_PROXY: 'http://proxy', NO_PROXY: 'here' }
  expect(environment({ env: { MODEL: '', KEY: 'k' } }, 'http://127.0.0.1:1', inherited)).toEqual({
    ...{ HOME: '/h', EMPTY: '', KEY: 'k', HTTP_PROXY: 'http://proxy', NO_PROXY: 'here,127.0.0.1,localhost' },
  })
})

describe('lines for a shell', () => {
  let folder: string
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'tether-lines-'))
  })
  afterEach(() => rmSync(folder, { recursive: true }))
  const server = { url: 'http://127.0.0.1:8080', key: "it's", window: 65_536, model: "a 'model' $HOME" }
  const lines = (name: Parameters<typeof clientLines>[0], shell: 'sh' | 'json') =>
    clientLines(name, { server, shell, inherited: {} }, join(folder, 'agents'))

  test('make a program of the name run with its arguments before those of the user', () => {
    const script = `${lines('codex', 'sh')}codex exec 'say it'`
    const program = join(folder, 'codex')
    execFileSync('sh', [
      '-c',
      'printf "#!/bin/sh\\nprintf \'%%s\\\\n\' \\"\\$TETHER_API_KEY\\" \\"\\$@\\"" > "$1"; chmod +x "$1"',
      'sh',
      program,
    ])
    const out = execFileSync('sh', ['-c', script], { env: { PATH: `${folder}:/usr/bin:/bin` }, encoding: 'utf8' })
    const said = out.split('\n')
    expect([said[0], said[2], ...said.slice(-3)]).toEqual(["it's", `model="${server.model}"`, 'exec', 'say it', ''])
  })

  test('write the files that an agent needs, readable by the user alone, without the key', () => {
    lines('pi', 'sh')
    const file = join(folder, 'agents', 'tether.js')
    expect([statSync(join(folder, 'agents')).mode & 0o777, statSync(file).mode & 0o777]).toEqual([0o700, 0o600])
    expect(readFileSync(file, 'utf8')).not.toContain("it's")
  })

  test('as JSON are the variables and the command', () => {
    expect(JSON.parse(lines('qwen', 'json'))).toMatchObject({
      variables: { OPENAI_API_KEY: "it's", OPENAI_BASE_URL: 'http://127.0.0.1:8080/v1' },
      command: [
        'qwen',
        '--auth-type',
        'openai',
        '--openai-base-url',
        'http://127.0.0.1:8080/v1',
        '--model',
        server.model,
      ],
    })
  })

  test('for any client of a protocol are variables alone', () => {
    const { variables, command } = JSON.parse(lines('openai', 'json'))
    expect([command, variables]).toEqual([
      undefined,
      expect.objectContaining({ OPENAI_BASE_URL: 'http://127.0.0.1:8080/v1', OPENAI_API_KEY: "it's" }),
    ])
    expect(lines('anthropic', 'sh')).toContain("export ANTHROPIC_BASE_URL='http://127.0.0.1:8080'\n")
    expect(lines('anthropic', 'sh')).toContain('unset ANTHROPIC_API_KEY\n')
  })

  test('quote words as fish and PowerShell do', () => {
    expect(programLine('cn', ["it's \\"], 'fish')).toBe("function cn; command cn 'it\\'s \\\\' $argv; end\n")
    expect(programLine('cn', ["it's"], 'powershell')).toContain(" 'it''s' @args }\n")
  })
})
