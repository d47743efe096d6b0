/** Pulls from a hub that is slow, broken, busy or denies access. */
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { readHub } from '../../../src/models/pull/hub.js'
import { pull } from '../../../src/models/pull/pull.js'
import { modelFiles } from '../../support/model-folders.js'
import { large, usePulls } from '../../support/pulls.js'

const pulls = usePulls()

describe('a bad connection', () => {
  test('that breaks is resumed where it broke', async () => {
    pulls.hub.faults.drop = { times: 5, after: 1_100_000 }
    await pulls.pull()
    pulls.expectWhole()
    expect(pulls.hub.sent()).toBeLessThan(
      Object.values(pulls.hub.options.files).reduce((sum, { length }) => sum + length, 0) + 9e5,
    )
  })

  test('that never delivers anything is given up, and what arrived is kept', async () => {
    pulls.hub.faults.drop = { times: 1000, after: 0 }
    await expect(pulls.pull()).rejects.toMatchObject({
      code: 'download_failed',
      message: expect.stringMatching(
        /^The connection to 127\.0\.0\.1:\d+ was lost\. Check .*, then run the command again\.\n[\d.]+ KB kept\. To continue:\n {2}tether pull org\/model$/,
      ),
    })
    expect(existsSync(pulls.path())).toBe(false)
    pulls.hub.faults.drop = undefined
    await pulls.pull()
    pulls.expectWhole()
  })

  test('to a server without ranges starts over at the first byte', async () => {
    pulls.hub.faults.noRanges = true
    pulls.hub.faults.drop = { times: 3, after: 1_100_000 }
    await pulls.pull()
    pulls.expectWhole()
  })

  test('that is silent times out', async () => {
    const silent = createServer(() => {})
    await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve))
    onTestFinished(() => stopServer(silent))
    const endpoint = `http://127.0.0.1:${(silent.address() as AddressInfo).port}`
    await expect(pulls.pull({ hub: { endpoint }, idleMs: 50 })).rejects.toThrow(
      /^No answer from 127\.0\.0\.1:\d+\. Check HF_ENDPOINT and your internet connection, or try again later\.$/,
    )
    const { host } = new URL(endpoint)
    expect(pulls.said).toEqual([2, 3, 4, 5].map((next) => `No answer from ${host}, trying again (${next} of 5)`))
  })

  test('that cannot be made is an error that names the hub', async () => {
    await expect(pulls.pull({ hub: { endpoint: 'http://127.0.0.1:1' } })).rejects.toThrow(
      /^Cannot reach 127\.0\.0\.1:1: connection refused\. Check HF_ENDPOINT .*, then run the command again\.$/,
    )
    expect(readdirSync(pulls.modelsDir)).toEqual([])
  })

  test('that delivers wrong bytes is tried again once, then it is an error', async () => {
    pulls.hub.faults.corrupt = { times: 1 }
    await pulls.pull()
    pulls.expectWhole()
    rmSync(pulls.path(), { recursive: true })
    pulls.hub.faults.corrupt = { times: 1000 }
    await expect(pulls.pull()).rejects.toThrow(/arrived twice with a wrong hash/)
    expect(existsSync(pulls.path())).toBe(false)
  })
})

describe('the hub', () => {
  test('that is busy is asked again after the time that it says', async () => {
    pulls.hub.faults.refuse = { times: 2, status: 429, retryAfter: '1' }
    const before = performance.now()
    await pulls.pull()
    expect(performance.now() - before).toBeGreaterThan(1900)
    pulls.expectWhole()
  })

  test('that is busy for very long is an error', async () => {
    pulls.hub.faults.refuse = { times: 99, status: 429, retryAfter: '3600' }
    await expect(pulls.pull()).rejects.toThrow(/127.* is busy for 60 minutes\. Try again then\./)
  })

  test.each([500, 502, 503])('that answers %i is asked again', async (status) => {
    pulls.hub.faults.refuse = { times: 3, status }
    await pulls.pull()
    pulls.expectWhole()
  })

  test('gets the token, and no other server does', async () => {
    await pulls.useHub({ files: modelFiles(large), token: 'secret' })
    await pulls.pull({ hub: { endpoint: pulls.hub.endpoint, token: 'secret' } })
    pulls.expectWhole()
    const tokens = (server: string) =>
      new Set(pulls.hub.seen.filter((one) => one.server === server).map((one) => one.authorization))
    expect(tokens('hub')).toEqual(new Set(['Bearer secret']))
    expect(tokens('store')).toEqual(new Set([undefined]))
  })

  test.each([
    [undefined, undefined, 'unauthorized', 'access denied (401): this repository is private or does not exist.'],
    ['wrong', undefined, 'unauthorized', 'the token is not valid. Set HF_TOKEN'],
    [undefined, 'GatedRepo', 'unauthorized', 'Accept its conditions'],
    [undefined, 'RepoNotFound', 'model_not_found', 'Check its name, or set HF_TOKEN if you have access.'],
  ])('that denies access (token %s, %s) is an error with the fix', async (token, errorCode, code, message) => {
    await pulls.useHub({ files: {}, token: 'secret', errorCode })
    await expect(pulls.pull({ hub: { endpoint: pulls.hub.endpoint, token } })).rejects.toMatchObject({
      code,
      message: expect.stringContaining(message),
    })
    expect(readdirSync(pulls.modelsDir)).toEqual([])
  })

  test('that does not have the model or the revision is an error that says which', async () => {
    await expect(pull({ name: 'org/other' }, pulls.options)).rejects.toThrow(
      /^org\/other does not exist on 127.*Check its name\.$/,
    )
    await expect(pulls.pull({}, 'v9')).rejects.toThrow('org/model@v9: no such revision. Check --revision.')
  })

  test('that has other kinds of weights is an error that names mlx-community', async () => {
    await pulls.useHub({
      files: { 'config.json': Buffer.from('{}'), 'model-Q4.gguf': Buffer.alloc(9), 'x.bin': Buffer.alloc(9) },
    })
    await expect(pulls.pull()).rejects.toThrow(
      /^org\/model holds GGUF files, which tether does not read\.\nUse an MLX version .*mlx-community:\n {2}http.*search=model$/,
    )
  })

  test('cannot make a pull write outside of its folder', async () => {
    const index = { weight_map: { a: '../../evil.safetensors' } }
    await pulls.useHub({
      files: {
        ...modelFiles(),
        '../../evil.safetensors': Buffer.from('x'),
        'model.safetensors.index.json': Buffer.from(JSON.stringify(index)),
      },
    })
    const { 'model.safetensors': weights } = pulls.hub.options.files
    delete pulls.hub.options.files['model.safetensors']
    await expect(pulls.pull()).rejects.toThrow('has no ../../evil.safetensors')
    // Such an index is of no use, and the loader reads the weights without it.
    pulls.hub.options.files['model.safetensors'] = weights as Buffer
    await pulls.pull()
    expect(pulls.files()).toContain('model.safetensors')
    expect(existsSync(join(pulls.modelsDir, '..', 'evil.safetensors'))).toBe(false)
  })

  test('is at HF_ENDPOINT, with the token of the environment or the token file', () => {
    const home = mkdtempSync(join(pulls.modelsDir, 'home-'))
    expect(readHub({ HOME: home }).token).toBe(undefined)
    expect(readHub({ HOME: home }).endpoint).toMatch(/^https:/)
    mkdirSync(join(home, '.cache', 'huggingface'), { recursive: true })
    writeFileSync(join(home, '.cache', 'huggingface', 'token'), 'of-file\n')
    expect(readHub({ HOME: home, HF_ENDPOINT: 'http://mirror/' })).toEqual({
      endpoint: 'http://mirror',
      token: 'of-file',
    })
    expect(readHub({ HOME: home, HF_TOKEN: 'of-env' }).token).toBe('of-env')
    expect(() => readHub({ HF_ENDPOINT: 'mirror' })).toThrow('HF_ENDPOINT must be')
    expect(() => readHub({ HF_HUB_OFFLINE: '1' })).toThrow('HF_HUB_OFFLINE')
  })

  test('is reached through a proxy if one is set', async () => {
    const asked: string[] = []
    const proxy = createServer()
    proxy.on('connect', (request, socket) => {
      asked.push(request.url ?? '')
      socket.end('HTTP/1.1 403 no\r\n\r\n')
    })
    await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve))
    onTestFinished(() => stopServer(proxy))
    vi.stubEnv('HTTPS_PROXY', `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`)
    onTestFinished(() => void vi.unstubAllEnvs())
    await expect(pulls.pull({ hub: { endpoint: 'https://hub.invalid' } })).rejects.toThrow()
    expect(asked[0]).toBe('hub.invalid:443')
  })
})

function stopServer(server: Server) {
  server.closeAllConnections()
  server.close()
}
