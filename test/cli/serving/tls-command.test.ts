/** tether with a certificate, from the command to the clients: the real server on the demo model. */
import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { request } from 'node:https'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { afterEach, beforeEach, describe, expect, onTestFinished, test } from 'vitest'
import { runFolder } from '../../../src/cli/serving/run-folder.js'
import { type Certificate, selfSigned } from '../../support/certificate.js'
import { writeFakeClaude } from '../../support/cli-fake-claude.js'
import { removePlace } from '../../support/remove-place.js'
import { until } from '../../support/until.js'

const root = join(import.meta.dirname, '..', '..', '..')
const day = 86_400_000
const certificate = (name?: string) => selfSigned(new Date(Date.now() - day), new Date(Date.now() + day), name)

let home: string
let first: Certificate
const files = () => ['--tls-cert', join(home, 'cert.pem'), '--tls-key', join(home, 'key.pem')]
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'tether-tls-command-test-'))
  first = certificate()
  write(first)
})
afterEach(() => removePlace(home))

function write({ cert, key }: Certificate) {
  writeFileSync(join(home, 'cert.pem'), cert)
  writeFileSync(join(home, 'key.pem'), key)
}

/** `process.env` has what its HOME and the variables replace. */
function start(args: string[], env: Record<string, string> = {}) {
  const words = [join(root, 'bin', 'tether.mjs'), ...args]
  const child: ChildProcess = spawn(process.execPath, words, {
    env: { PATH: process.env.PATH, HOME: home, TMPDIR: home, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  onTestFinished(() => void child.kill('SIGKILL'))
  const output = { stdout: '', stderr: '' }
  for (const name of ['stdout', 'stderr'] as const) {
    child[name]?.on('data', (piece: Buffer) => {
      output[name] += piece
    })
  }
  const ended = new Promise<number | null>((resolve) => child.once('close', resolve))
  return { child, output, ended }
}

const onDemo = (args: string[]) => ['--model', join(root, 'demo', 'model'), '--port', '0', ...args]

/** From a client that trusts these certificates alone. */
function ask(url: string, ca: string, body?: object): Promise<{ status?: number; text: string }> {
  return new Promise((resolve, reject) => {
    const headers = { 'content-type': 'application/json' }
    const asked = request(url, { ca, agent: false, headers, method: body ? 'POST' : 'GET' }, (answer) => {
      text(answer).then((all) => resolve({ status: answer.statusCode, text: all }), reject)
    })
    asked.on('error', reject).end(body && JSON.stringify(body))
  })
}

describe('tether --serve-only with a certificate', () => {
  test('answers over https, takes another one at SIGHUP, and tells other terminals what to trust', async () => {
    const { child, output, ended } = start(onDemo(['--serve-only', ...files()]))
    await until(() => output.stderr.includes('Ctrl-C'))
    const url = / ready at (https:\S+)/.exec(output.stderr)?.[1] ?? ''
    const message = { model: 'demo', max_tokens: 20, messages: [{ role: 'user', content: 'Say pineapple.' }] }
    const answer = await ask(`${url}/v1/messages`, first.cert, message)
    expect([answer.status, answer.text]).toEqual([200, expect.stringContaining('pineapple')])

    const second = certificate()
    write(second)
    child.kill('SIGHUP')
    await until(() => output.stderr.includes('read the TLS certificate'))
    expect((await ask(`${url}/health`, second.cert)).status).toBe(200)
    await expect(ask(`${url}/health`, first.cert)).rejects.toThrow()

    const env = start(['env', '--shell', 'json'])
    expect(await env.ended).toBe(0)
    const { ANTHROPIC_BASE_URL, NODE_EXTRA_CA_CERTS } = JSON.parse(env.output.stdout)
    expect((await ask(`${ANTHROPIC_BASE_URL}/health`, readFileSync(NODE_EXTRA_CA_CERTS, 'utf8'))).status).toBe(200)

    child.kill('SIGTERM')
    expect(await ended).toBe(0)
    expect(readdirSync(runFolder(home))).toEqual([])
  })
})

describe('tether with a certificate and Claude Code', () => {
  test('makes Claude Code trust it, besides what it trusted before', async () => {
    const other = certificate('a company')
    writeFileSync(join(home, 'other.pem'), other.cert)
    mkdirSync(join(home, 'claude'))
    const report = join(home, 'report.json')
    const args = [...files(), '--claude-path', writeFakeClaude(join(home, 'claude')), '--', 'exit:0']
    const env = { FAKE_CLAUDE_REPORT: report, NODE_EXTRA_CA_CERTS: join(home, 'other.pem'), FAKE_STATUS_LINE: '1' }
    const { ended, output } = start(onDemo(args), env)
    expect(await ended, output.stderr).toBe(0)
    const seen = JSON.parse(readFileSync(report, 'utf8'))
    expect(seen).toMatchObject({ health: 200, unauthorized: 401, authorized: 200 })
    expect(seen.settings.env.NODE_EXTRA_CA_CERTS).toBe(seen.env.NODE_EXTRA_CA_CERTS)
    expect(seen.trusted).toContain(other.cert.trim())
    expect(seen.trusted).toContain(first.cert.trim())
    expect(seen.statusLine).toContain('demo')
    expect(existsSync(seen.env.NODE_EXTRA_CA_CERTS)).toBe(false)
  })

  test('starts it on a server that runs, by the name that the certificate has', async () => {
    const server = start(onDemo(['--serve-only', ...files()]))
    await until(() => server.output.stderr.includes('Ctrl-C'))
    const report = join(home, 'report.json')
    const claude = writeFakeClaude(join(home, 'claude'))
    const { ended, output } = start(onDemo([...files(), '--claude-path', claude, '--', 'exit:0']), {
      FAKE_CLAUDE_REPORT: report,
    })
    expect(await ended, output.stderr).toBe(0)
    expect(output.stderr).toContain('(already running, ')
    expect(JSON.parse(readFileSync(report, 'utf8'))).toMatchObject({ health: 200, authorized: 200 })
    server.child.kill('SIGTERM')
    expect(await server.ended).toBe(0)
  })

  test('says before the load that a certificate is not for the address', async () => {
    const claude = writeFakeClaude(join(home, 'claude'))
    const { ended, output } = start(onDemo(['--host', '127.0.0.2', ...files(), '--claude-path', claude]))
    expect(await ended).toBe(1)
    expect(output.stderr).toContain('is not for 127.0.0.2, so Claude Code would refuse it')
    expect(output.stderr).not.toContain('loading')
  })
})
