/** The server with a certificate, and another one while it runs. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { get } from 'node:https'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { connect } from 'node:tls'
import { expect, onTestFinished, test } from 'vitest'
import { certifiedUrl, readTls, reloadOnHangup, tlsFiles } from '../../../src/cli/serving/tls-files.js'
import { waitUntilReady } from '../../../src/cli/serving/wait-until-ready.js'
import { serve } from '../../../src/server/serve.js'
import { selfSigned } from '../../support/certificate.js'
import { speaks } from '../../support/fake-engine.js'
import { fakeModel } from '../../support/fake-model.js'
import { serveFake } from '../../support/fake-server.js'
import { raw } from '../../support/raw-http.js'
import { until } from '../../support/until.js'

const day = 86_400_000
const certificate = () => selfSigned(new Date(Date.now() - day), new Date(Date.now() + day))

/** The status of /health, from a client that trusts this certificate alone. */
function health(url: string, ca: string): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    get(`${url}/health`, { ca, agent: false }, (answer) => resolve(answer.resume().statusCode)).on('error', reject)
  })
}

test('a server with a certificate speaks https alone', async () => {
  const tls = certificate()
  const { url, port } = await serveFake(speaks('x'), { tls })
  expect(url).toBe(`https://127.0.0.1:${port}`)
  expect(await health(url, tls.cert)).toBe(200)
  await expect(health(url, certificate().cert)).rejects.toThrow(/certificate/)
  await expect(fetch(`http://127.0.0.1:${port}/health`)).rejects.toThrow()
  await waitUntilReady(url)
})

test('its limits hold over TLS', async () => {
  const tls = certificate()
  const { url, port } = await serveFake(speaks('x'), { tls, headersTimeout: 1, maxConnections: 1 })
  let text = ''
  const slow = connect({ port, host: '127.0.0.1', ca: tls.cert }, () => slow.write('GET /health HTTP/1.1\r\nHo'))
  slow.on('data', (data: Buffer) => {
    text += data
  })
  await until(() => text !== '')
  expect(text).toMatch(/^HTTP\/1.1 408 /)
  slow.destroy()
  // What never gets through the handshake is closed, too.
  const hello = Buffer.from('1603010200010001fc0303', 'hex').toString('latin1')
  expect(await Promise.all([raw(port, ''), raw(port, hello)])).toEqual(['', ''])
  expect(await health(url, tls.cert)).toBe(200)
})

test('a new certificate is used for new connections after SIGHUP, and a broken one is not', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'tether-tls-test-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  const [first, second] = [certificate(), certificate()]
  const files = { cert: join(folder, 'cert.pem'), key: join(folder, 'key.pem') }
  const write = ({ cert, key }: { cert: string; key: string }) => {
    writeFileSync(files.cert, cert)
    writeFileSync(files.key, key)
  }
  write(first)
  const server = await serveFake(speaks('x'), { tls: readTls(files) })
  const said: string[] = []
  const closed = () => said.push('closed')
  onTestFinished(reloadOnHangup(server, files, { say: (line) => said.push(line), closed }))
  write(second)
  expect(await health(server.url, first.cert)).toBe(200)
  process.emit('SIGHUP')
  expect(await health(server.url, second.cert)).toBe(200)
  await expect(health(server.url, first.cert)).rejects.toThrow()
  write({ cert: second.cert, key: first.key })
  process.emit('SIGHUP')
  rmSync(files.key)
  process.emit('SIGHUP')
  expect(await health(server.url, second.cert)).toBe(200)
  expect(said).toEqual([
    `read the TLS certificate ${files.cert} again`,
    expect.stringMatching(/^still using the TLS certificate from before: .* cannot be used: /),
    expect.stringMatching(/^still using the TLS certificate from before: .* cannot be read: ENOENT/),
  ])
})

test('a certificate that cannot be used is an error before anything listens', async () => {
  const tls = { cert: certificate().cert, key: certificate().key }
  for (const wrong of [tls, { cert: 'x', key: 'y' }]) {
    await expect(serve(fakeModel(speaks('x')), { port: 0, tls: wrong })).rejects.toMatchObject({
      code: 'bad_config',
      message: expect.stringMatching(/^the TLS certificate and its key cannot be used: /),
    })
  }
})

test('one file without the other is an error', () => {
  expect(tlsFiles({})).toBeUndefined()
  expect(tlsFiles({ tlsCert: '/a', tlsKey: '/b' })).toEqual({ cert: '/a', key: '/b' })
  expect(() => tlsFiles({ tlsCert: 'a' })).toThrow('belong together')
  expect(() => tlsFiles({ tlsKey: 'a' })).toThrow('belong together')
})

test('Claude Code is sent to an address that the certificate names', () => {
  const folder = mkdtempSync(join(tmpdir(), 'tether-tls-test-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  const files = { cert: join(folder, 'cert.pem'), key: '' }
  writeFileSync(files.cert, certificate().cert)
  expect(certifiedUrl('https://127.0.0.1:8080', files)).toBe('https://127.0.0.1:8080')
  expect(() => certifiedUrl('https://192.168.1.5:8080', files)).toThrow(
    /is not for 192\.168\.1\.5, so Claude Code would refuse/,
  )
  writeFileSync(files.cert, 'no certificate')
  expect(() => certifiedUrl('https://127.0.0.1:8080', files)).toThrow(/cannot be used/)
  rmSync(files.cert)
  expect(() => certifiedUrl('https://127.0.0.1:8080', files)).toThrow(/cannot be read: ENOENT/)
})
