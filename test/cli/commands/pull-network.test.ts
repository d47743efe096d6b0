/** `tether pull` as a program where the network fails: each fault is said in words, with the host and what to do. */
import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import type { AddressInfo, Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, onTestFinished, test } from 'vitest'
import { selfSigned } from '../../support/certificate.js'
import { collectOutput } from '../../support/cli-output.js'
import { compileCli } from '../../support/cli-process.js'
import { removePlace } from '../../support/remove-place.js'
import { openTerminal } from '../../support/terminal.js'

let compiled: string
let home: string
beforeAll(() => {
  compiled = compileCli()
  const entry = `import { runPull } from './src/cli/commands/pull.js'
    const [model, modelsDir] = process.argv.slice(2)
    try { process.exit(await runPull({ model, modelsDir, waits: { backoffMs: 20, idleMs: 300 } })) }
    catch (error) { console.error(error.message); process.exit(1) }`
  writeFileSync(join(compiled, 'pull.mjs'), entry)
})
afterAll(() => rmSync(compiled, { recursive: true }))
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'tether-pull-test-'))
})
afterEach(() => removePlace(home))

const hour = 3_600_000
const fromNow = (ms: number) => new Date(Date.now() + ms)

/** Runs it to its end. */
async function pull(env: Record<string, string>) {
  const child = spawn(process.execPath, [join(compiled, 'pull.mjs'), 'org/model', home], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { PATH: process.env.PATH, HOME: home, ...env },
  })
  const { code, stderr } = await collectOutput(child).ended
  expect(code).toBe(1)
  expect(stderr).not.toMatch(/unexpected error|\b(E[A-Z_]{5,}|UND_ERR\w+|ERR_\w+|CERT_\w+)\b/)
  return stderr
}

/** -> host and port */
async function listen(server: Server | ReturnType<typeof createTlsServer>): Promise<string> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  return `127.0.0.1:${(server.address() as AddressInfo).port}`
}

/** A proxy that answers CONNECT with this status. */
function proxyThatAnswers(status: string): Promise<string> {
  const proxy = createServer()
  proxy.on('connect', (_request, socket: Socket) => socket.end(`HTTP/1.1 ${status}\r\n\r\n`))
  return listen(proxy)
}

describe('tether pull without a network', () => {
  test('says that huggingface.co cannot be reached, and what to check', async () => {
    // As if the name server did not know the name, whatever this machine's own would say.
    const offline = join(home, 'offline.mjs')
    writeFileSync(
      offline,
      `import dns from 'node:dns'
       dns.lookup = (hostname, options, done) =>
         done(Object.assign(new Error('getaddrinfo ENOTFOUND ' + hostname), { code: 'ENOTFOUND', hostname }))`,
    )
    expect(await pull({ NODE_OPTIONS: `--import=${offline}` })).toBe(
      'tether: Looking up org/model on huggingface.co\n' +
        'Cannot reach huggingface.co: host name not found. Check your internet connection, then run the command again.\n',
    )
  })

  test('asks the name server again if it has no answer now', async () => {
    const offline = join(home, 'offline.mjs')
    writeFileSync(
      offline,
      `import dns from 'node:dns'
       dns.lookup = (hostname, options, done) =>
         done(Object.assign(new Error('getaddrinfo EAI_AGAIN ' + hostname), { code: 'EAI_AGAIN', hostname }))`,
    )
    const stderr = await pull({ NODE_OPTIONS: `--import=${offline}` })
    const why = 'Cannot reach huggingface.co: the name server does not answer'
    const [, second] = stderr.split('\n')
    expect(second).toBe(`tether: ${why}, trying again (2 of 5)`)
    expect(stderr).toContain(`\n${why}. Check your internet connection, then run the command again.\n`)
  })

  test('reports each try at a hub that refuses connections', async () => {
    const tries = [2, 3, 4, 5].map(
      (next) => `tether: Cannot reach 127.0.0.1:1: connection refused, trying again (${next} of 5)\n`,
    )
    expect(await pull({ HF_ENDPOINT: 'http://127.0.0.1:1' })).toBe(
      `tether: Looking up org/model on 127.0.0.1:1\n${tries.join('')}` +
        'Cannot reach 127.0.0.1:1: connection refused. ' +
        'Check HF_ENDPOINT and your internet connection, then run the command again.\n',
    )
  })

  test('reports each try at a hub that does not answer', async () => {
    const host = await listen(createServer(() => {}))
    const stderr = await pull({ HF_ENDPOINT: `http://${host}` })
    expect(stderr).toContain(`tether: No answer from ${host}, trying again (2 of 5)\n`)
    expect(stderr).toContain(`tether: No answer from ${host}, trying again (5 of 5)\n`)
    expect(stderr).toContain(
      `No answer from ${host}. Check HF_ENDPOINT and your internet connection, or try again later.`,
    )
  })

  test('reports a hub that resets connections', async () => {
    const host = await listen(createServer((request) => request.socket.resetAndDestroy()))
    const stderr = await pull({ HF_ENDPOINT: `http://${host}` })
    expect(stderr).toContain(`tether: The connection to ${host} was lost, trying again (2 of 5)\n`)
    expect(stderr).toContain(`The connection to ${host} was lost. Check HF_ENDPOINT`)
  })

  test('shows a web page in place of an answer as what it is', async () => {
    const host = await listen(createServer((_request, response) => response.end('<html>Sign in</html>')))
    expect(await pull({ HF_ENDPOINT: `http://${host}` })).toContain(
      `${host} did not answer as the hub does. Check HF_ENDPOINT.`,
    )
  })
})

describe('tether pull with a certificate', () => {
  test('that is self-signed names NODE_EXTRA_CA_CERTS, and with it the certificate is accepted', async () => {
    const certificate = selfSigned(fromNow(-hour), fromNow(hour))
    const host = await listen(createTlsServer(certificate, (_request, response) => response.writeHead(404).end()))
    const stderr = await pull({ HF_ENDPOINT: `https://${host}` })
    expect(stderr).toContain(`The certificate of ${host} is self-signed. If your company's network`)
    expect(stderr).toContain(
      'set NODE_EXTRA_CA_CERTS to the file of its certificate (PEM), then run the command again.',
    )
    expect(stderr).not.toContain('trying again')
    const file = join(home, 'company.pem')
    writeFileSync(file, certificate.cert)
    expect(await pull({ HF_ENDPOINT: `https://${host}`, NODE_EXTRA_CA_CERTS: file })).toContain(
      `org/model does not exist on ${host}. Check its name.`,
    )
  })

  test.each([
    ['has expired', -2 * hour, -hour],
    ['is not valid yet', hour, 2 * hour],
  ])('that %s names the date of this machine', async (why, from, to) => {
    const certificate = selfSigned(fromNow(from), fromNow(to))
    const host = await listen(createTlsServer(certificate, () => {}))
    const file = join(home, 'company.pem')
    writeFileSync(file, certificate.cert)
    expect(await pull({ HF_ENDPOINT: `https://${host}`, NODE_EXTRA_CA_CERTS: file })).toMatch(
      new RegExp(`The certificate of ${host} ${why}\\. Check this machine's date \\(.* \\d{4}\\), then run`),
    )
  })

  test('that is missing, since the server speaks http, says to use http', async () => {
    const host = await listen(createServer((_request, response) => response.end('{}')))
    expect(await pull({ HF_ENDPOINT: `https://${host}` })).toContain(
      `${host} does not answer with https. If it is a plain http server, begin HF_ENDPOINT with http://, then run`,
    )
  })

  test('at a http:// address of an https server says to use https', async () => {
    const host = await listen(createTlsServer(selfSigned(fromNow(-hour), fromNow(hour)), () => {}))
    const stderr = await pull({ HF_ENDPOINT: `http://${host}` })
    expect(stderr).toContain(`to ${host} was lost`)
    expect(stderr).toContain('Check HF_ENDPOINT')
  })
})

describe('tether pull through a proxy', () => {
  test('that wants a password says where to put it', async () => {
    const proxy = await proxyThatAnswers('407 Proxy Authentication Required')
    const stderr = await pull({ HTTPS_PROXY: `http://${proxy}` })
    expect(stderr).toContain(`The proxy ${proxy} (HTTPS_PROXY) wants a user name and a password (407).`)
    expect(stderr).toContain(`Put them into HTTPS_PROXY: http://USER:PASSWORD@${proxy}\n`)
    expect(stderr).not.toContain('trying again')
  })

  test('that does not allow the hub names both', async () => {
    const proxy = await proxyThatAnswers('403 Forbidden')
    const stderr = await pull({ https_proxy: proxy })
    expect(stderr).toContain(`The proxy ${proxy} (https_proxy) does not connect to huggingface.co (403).`)
    expect(stderr).toContain('exempt it with NO_PROXY')
  })

  test('that cannot reach the hub is tried again', async () => {
    const proxy = await proxyThatAnswers('502 Bad Gateway')
    const stderr = await pull({ HTTPS_PROXY: `http://me:secret@${proxy}` })
    expect(stderr).toContain(
      `The proxy ${proxy} (HTTPS_PROXY) cannot reach huggingface.co (502), trying again (2 of 5)\n`,
    )
    expect(stderr).toContain(`The proxy ${proxy} (HTTPS_PROXY) cannot reach huggingface.co (502).`)
    expect(stderr).not.toContain('secret')
  })

  test('that is set for http is used for a http hub, but not if NO_PROXY names it', async () => {
    const hub = await listen(createServer((_request, response) => response.writeHead(404).end()))
    const env = { HF_ENDPOINT: `http://${hub}`, http_proxy: 'http://127.0.0.1:1' }
    expect(await pull(env)).toContain(`Cannot reach ${hub} through the proxy 127.0.0.1:1 (http_proxy)`)
    expect(await pull({ ...env, NO_PROXY: 'other, 127.0.0.1' })).toContain(`org/model does not exist on ${hub}`)
  })

  test('that does not run names the proxy and its variable', async () => {
    const stderr = await pull({ HTTPS_PROXY: 'http://127.0.0.1:1' })
    expect(stderr).toContain(
      'Cannot reach huggingface.co through the proxy 127.0.0.1:1 (HTTPS_PROXY): connection refused. ' +
        'Check the address of the proxy in HTTPS_PROXY and your internet connection, then run the command again.',
    )
  })

  test('whose address cannot be one says what an address looks like', async () => {
    expect(await pull({ HTTPS_PROXY: 'ftp://proxy' })).toContain(
      'HTTPS_PROXY must be an address such as http://proxy:3128, not ftp://proxy',
    )
  })
})

describe('tether pull in a terminal', () => {
  test('says why at once, and reports tries on one line, which is gone at the end', async () => {
    const terminal = openTerminal(process.execPath, [join(compiled, 'pull.mjs'), 'org/model', home], {
      env: { HOME: home, HF_ENDPOINT: 'http://127.0.0.1:1' },
    })
    expect(await terminal.ended).toBe(1)
    await terminal.shows('then run the command again.')
    const written = terminal.written()
    for (const next of [2, 3, 4, 5]) expect(written).toContain(`\rtrying again (${next} of 5)`)
    const lines = terminal.screen().filter((line) => line !== '')
    expect(lines[0]).toBe('tether: Looking up org/model on 127.0.0.1:1')
    expect(lines[1]).toBe('tether: Cannot reach 127.0.0.1:1: connection refused')
    expect(lines[2]).toMatch(/^Cannot reach 127\.0\.0\.1:1: connection refused\. Check/)
  })

  test('shows how long it has waited for a hub that does not answer', async () => {
    const host = await listen(createServer(() => {}))
    const entry = join(compiled, 'test', 'support', 'cli-entry.js')
    const terminal = openTerminal(process.execPath, [entry, 'pull', 'org/model'], {
      env: { HOME: home, HF_ENDPOINT: `http://${host}` },
    })
    onTestFinished(() => terminal.kill('SIGKILL'))
    await terminal.shows(`waiting for ${host}, 1 s`)
    await terminal.press('\x03', 'Stopped, nothing was downloaded yet. To continue:')
    expect(await terminal.ended).toBe(130)
    expect(terminal.screen().join('\n')).toMatch(/\n {2}tether pull org\/model\n/)
    expect(terminal.screen().join('\n')).not.toContain('waiting')
  })
})
