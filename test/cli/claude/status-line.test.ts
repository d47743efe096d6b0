/** The status line: whose it is, and what the program prints. */
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { hasStatusLine, statusLine } from '../../../src/cli/claude/status-line.js'
import type { Status } from '../../../src/server/status.js'

const program = join(import.meta.dirname, '..', '..', '..', 'bin', 'status-line.mjs')

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "tether status 'test' "))
})
afterEach(() => rmSync(folder, { recursive: true }))

describe('hasStatusLine', () => {
  const has = (forwarded?: Record<string, unknown>, configDir?: string) =>
    hasStatusLine({ home: join(folder, 'home'), cwd: join(folder, 'project'), configDir }, forwarded)
  const write = (path: string, text: string) => {
    mkdirSync(dirname(join(folder, path)), { recursive: true })
    writeFileSync(join(folder, path), text)
  }

  test.each(['home/.claude/settings.json', 'project/.claude/settings.json', 'project/.claude/settings.local.json'])(
    'looks into %s',
    (path) => {
      write(path, '{"model":"x"}')
      expect(has()).toBe(false)
      write(path, '{"statusLine":{"type":"command","command":"mine"}}')
      expect(has()).toBe(true)
    },
  )

  test('looks into CLAUDE_CONFIG_DIR', () => {
    write('other/settings.json', '{"statusLine":null}')
    expect(has({}, join(folder, 'other'))).toBe(true)
  })

  test('looks into the forwarded settings', () => {
    expect(has({ statusLine: { type: 'command', command: 'mine' } })).toBe(true)
    expect(has({ verbose: true })).toBe(false)
  })

  test('reads a broken file as one without a status line', () => {
    write('home/.claude/settings.json', '{"statusLine"')
    expect(has()).toBe(false)
  })
})

describe('the status line program', () => {
  const none = { drafted: 0, accepted: 0 }
  const status: Status = {
    model: 'gemma',
    window: 65_536,
    live: 0,
    queued: 0,
    longestWait: 0,
    prefill: null,
    cache: { memoryBytes: 0, diskBytes: 0, diskCap: 0, hitTokens: { live: 0, memory: 0, disk: 0 } },
    constrained: { tokens: 0, removed: 0, maskMicroseconds: 0 },
    drafts: {
      ...none,
      tokensPerPass: 0,
      costs: [],
      drafter: null,
      drafterCost: 0,
      sources: { lookup: none, forced: none, drafter: none },
    },
    loops: 0,
    last: {
      inputTokens: 20_000,
      cachedTokens: 19_000,
      createdTokens: 900,
      outputTokens: 480,
      tokensPerSecond: 43.4,
      constrained: null,
    },
  }
  let answer: (() => { code: number; body: string }) | 'never'
  let keys: (string | undefined)[]
  let server: Server
  let settings: string

  beforeEach(async () => {
    answer = () => ({ code: 200, body: JSON.stringify(status) })
    keys = []
    server = createServer((request, response) => {
      keys.push(`${request.url} ${request.headers.authorization}`)
      if (answer === 'never') return
      const { code, body } = answer()
      response.writeHead(code).end(body)
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
    settings = join(folder, 'settings.json')
    writeFileSync(settings, JSON.stringify({ env: { ANTHROPIC_BASE_URL: url, ANTHROPIC_AUTH_TOKEN: 'secret' } }))
  })
  afterEach(() => {
    server.closeAllConnections()
    return new Promise((resolve) => server.close(resolve))
  })

  /** As Claude Code does: through a shell. */
  async function shown(session: unknown = {}, env: Record<string, string> = { NO_COLOR: '1' }) {
    const { command } = statusLine(program, settings).statusLine
    const child = spawn('sh', ['-c', command], { env: { ...process.env, ...env } }) as ChildProcessWithoutNullStreams
    // It may exit without having read its input.
    child.stdin.on('error', () => {})
    if (session !== 'open') child.stdin.end(typeof session === 'string' ? session : JSON.stringify(session))
    let text = ''
    child.stdout.on('data', (data) => {
      text += data
    })
    const code = await new Promise((resolve) => child.on('close', resolve))
    child.stdin.destroy()
    return { text, code }
  }

  test('shows what the server knows', async () => {
    expect(await shown()).toMatchObject({ text: 'gemma · 20k of 64k (31%) · cache 95% · 43 tok/s\n', code: 0 })
    expect(keys).toEqual(['/status Bearer secret'])
  })

  test("shows the conversation's usage rather than a subagent's", async () => {
    const session = {
      model: { display_name: 'org/gemma (tether)' },
      context_window: {
        context_window_size: 65_536,
        current_usage: {
          input_tokens: 100,
          output_tokens: 20,
          cache_creation_input_tokens: 0,
          cache_read_input_tokens: 900,
        },
      },
    }
    expect((await shown(session)).text).toBe('org/gemma · 1020 of 64k (1%) · cache 90% · 43 tok/s\n')
  })

  test('shows how far a prompt has been read', async () => {
    const reading = { ...status, prefill: { done: 9000, total: 40_000 }, queued: 2, last: null }
    answer = () => ({ code: 200, body: JSON.stringify(reading) })
    const { text } = await shown({ context_window: { current_usage: null } })
    expect(text).toBe('gemma · 39k of 64k (61%) · reading 22% of 39k tokens · 2 waiting\n')
  })

  test('shows no speed of an earlier answer while a prompt is read', async () => {
    answer = () => ({ code: 200, body: JSON.stringify({ ...status, prefill: { done: 0, total: 32_768 } }) })
    expect((await shown()).text).toBe('gemma · 32k of 64k (50%) · reading 0% of 32k tokens\n')
  })

  describe('in a narrow terminal', () => {
    const name = 'gemma-4-e2b-it-4bit'
    const reading = { done: 9000, total: 40_000 }
    test.each([
      [77, null, `${name} · 20k of 64k (31%) · cache 95% · 43 tok/s · 2 waiting`],
      [76, null, `${name} · 20k of 64k (31%) · 43 tok/s · 2 waiting`],
      [50, null, '20k of 64k (31%) · 43 tok/s · 2 waiting'],
      [40, null, '20k of 64k (31%) · 43 tok/s'],
      [20, null, '20k of 64k (31%)'],
      [19, null, '31% · 43 tok/s'],
      [5, null, ''],
      [80, reading, `${name} · 39k of 64k (61%) · reading 22% of 39k tokens`],
      [50, reading, '39k of 64k (61%) · reading 22% of 39k tokens'],
      [40, reading, '39k of 64k (61%) · reading 22%'],
    ])('of %i columns keeps what matters most, whole', async (columns, prefill, expected) => {
      answer = () => ({ code: 200, body: JSON.stringify({ ...status, model: name, queued: 2, prefill }) })
      const { text } = await shown({}, { NO_COLOR: '1', COLUMNS: String(columns) })
      expect(text).toBe(`${expected}\n`)
      expect(text.trimEnd().length).toBeLessThanOrEqual(columns - 4)
    })

    test('counts two columns for each letter of East Asia', async () => {
      answer = () => ({ code: 200, body: JSON.stringify({ ...status, model: '模型' }) })
      const fits = '模型 · 20k of 64k (31%) · 43 tok/s'
      expect((await shown({}, { NO_COLOR: '1', COLUMNS: '38' })).text).toBe(`${fits}\n`)
      expect((await shown({}, { NO_COLOR: '1', COLUMNS: '37' })).text).not.toContain('模型')
    })
  })

  test('has colours unless NO_COLOR is set, and prints no control characters of a name', async () => {
    answer = () => ({ code: 200, body: JSON.stringify({ ...status, model: 'bad\u001b[2Jname' }) })
    expect((await shown()).text).toContain('bad[2Jname · ')
    expect((await shown({}, { NO_COLOR: '' })).text).toContain('\u001b[36mbad[2Jname\u001b[0m')
  })

  test.each(['no JSON', 'null'])("shows the server's numbers if its input is %j", async (session) => {
    expect((await shown(session)).text).toContain('gemma')
  })

  test('prints nothing if the server denies access or is gone', async () => {
    answer = () => ({ code: 401, body: '{"model":"x"}' })
    expect(await shown()).toMatchObject({ text: '', code: 0 })
    answer = () => ({ code: 200, body: '<html>' })
    expect(await shown()).toMatchObject({ text: '', code: 0 })
    await new Promise<void>((resolve) => {
      server.close(() => resolve())
      server.closeAllConnections()
    })
    expect(await shown()).toMatchObject({ text: '', code: 0 })
    rmSync(settings)
    expect(await shown()).toMatchObject({ text: '', code: 0 })
  })

  test('does not wait for a server that does not answer', async () => {
    answer = 'never'
    expect(await shown()).toMatchObject({ text: '', code: 0 })
  })

  test('does not wait for input that does not end', async () => {
    expect(await shown('open')).toMatchObject({ text: '', code: 0 })
  })

  test('does not show the key in its command line', () => {
    expect(statusLine(program, settings).statusLine.command).not.toContain('secret')
  })
})
