/** Downloads from a hub that is slow, broken, busy or fine. */
import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { open } from 'node:fs/promises'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, onTestFinished, test, vi } from 'vitest'
import { progressText } from '../../src/cli/models/pull-progress.js'
import { partialFolder } from '../../src/models/find-model.js'
import { readHub } from '../../src/models/pull/hub.js'
import { type PullOptions, pull } from '../../src/models/pull/pull.js'
import { expectPulled, type FakeHub, type FakeHubOptions, startFakeHub } from '../support/fake-hub.js'
import { modelFiles, withNonZeroWeights } from '../support/model-folders.js'

const large = { tensors: { a: { dtype: 'F32', shape: [1024, 1000] } } }
const name = 'org/model'
let modelsDir: string
let hub: FakeHub
let said: string[]
/** The options of a pull, with short waits. */
let options: PullOptions

beforeEach(async () => {
  modelsDir = mkdtempSync(join(tmpdir(), 'tether-pull-test-'))
  said = []
  await useHub({ files: withNonZeroWeights(modelFiles({ ...large, shards: 2 })) })
})
afterEach(async () => {
  await hub.close()
  rmSync(modelsDir, { recursive: true, force: true })
})

async function useHub(about: FakeHubOptions) {
  await hub?.close()
  hub = await startFakeHub(about)
  options = {
    modelsDir,
    hub: { endpoint: hub.endpoint },
    say: (line) => said.push(line),
    backoffMs: 2,
    idleMs: 2000,
    pieceBytes: 1_500_000,
    connections: 4,
  }
}

const path = () => join(modelsDir, name)
const pulls = (more: Partial<PullOptions> = {}) => pull({ name }, { ...options, ...more })
const files = (folder = path()) =>
  readdirSync(folder)
    .filter((file) => !file.startsWith('.'))
    .sort()

const expectWhole = () => expectPulled(hub, modelsDir)

describe('a pull', () => {
  test('downloads the files that a model needs, and no others', async () => {
    Object.assign(hub.options.files, {
      'README.md': Buffer.from('hello'),
      'model.Q4.gguf': Buffer.alloc(5000),
      'chat_template.jinja': Buffer.from('{{ x }}'),
    })
    expect(await pulls()).toEqual({ path: path(), wasThere: false })
    expectWhole()
    expect(hub.seen.some(({ url }) => /README|gguf/.test(url))).toBe(false)
  })

  test('downloads several pieces at once', async () => {
    await pulls()
    const ranges = hub.seen.filter(({ server }) => server === 'store').map(({ range }) => range)
    expect(ranges.filter((range) => range?.startsWith('bytes=1500000-2999999'))).toHaveLength(2)
  })

  test('of a model that is already there does nothing', async () => {
    await pulls()
    const before = hub.seen.length
    expect(await pulls()).toEqual({ path: path(), wasThere: true })
    expect(hub.seen.length).toBe(before)
    expect(said.join()).toMatch(/org\/model is already in .* \(c0ffee, 8\.2 MB\)/)
    await expect(pull({ name, revision: 'v2' }, options)).rejects.toThrow(/is revision main \(c0ffee\), not v2/)
  })

  test('finds that a model that is already there is damaged', async () => {
    await pulls()
    truncateSync(join(path(), 'tokenizer.json'), 1)
    await expect(pulls()).rejects.toThrow(/tokenizer\.json has 1 bytes of 2; remove its folder and pull again/)
    truncateSync(join(path(), 'model-00001-of-00002.safetensors'), 5000)
    await expect(pulls()).rejects.toThrow(/is damaged: .*truncated/)
  })

  test('reports its progress', async () => {
    const seen: number[] = []
    let total = 0
    await pulls({
      progress: {
        begin: (about) => {
          total = about.total
          seen.push(about.done)
        },
        add: (bytes) => seen.push(bytes),
        end: () => seen.push(0),
      },
    })
    expect(seen.reduce((sum, bytes) => sum + bytes, 0)).toBe(total)
    expect(progressText({ done: 1.2e9, total: 3.4e9, speed: 48e6 })).toBe('1.2 GB of 3.4 GB, 35%, 48 MB/s, 46 s left')
    expect(progressText({ done: 5, total: 5, speed: 9 })).toBe('5 B of 5 B, 100%, verifying')
  })

  test('warns of a model that tether cannot load, before it downloads the weights', async () => {
    await useHub({ files: modelFiles({ config: { model_type: 'strange' }, ...large }) })
    let storeWhenWarned: number | undefined
    await pulls({
      say: () => {
        storeWhenWarned ??= hub.seen.filter(({ url }) => url.includes('safetensors')).length
      },
    })
    expect(storeWhenWarned).toBe(0)
    expect(files()).toContain('model.safetensors')
  })

  test('asks for the given revision', async () => {
    await pull({ name, revision: 'v2' }, options)
    expect(hub.seen[0]?.url).toBe('/api/models/org/model/revision/v2?blobs=true')
  })
})

describe('a bad connection', () => {
  test('that breaks is resumed where it broke', async () => {
    hub.faults.drop = { times: 5, after: 1_100_000 }
    await pulls()
    expectWhole()
    expect(hub.sent()).toBeLessThan(Object.values(hub.options.files).reduce((sum, { length }) => sum + length, 0) + 9e5)
  })

  test('that never delivers anything is given up, and what arrived is kept', async () => {
    hub.faults.drop = { times: 1000, after: 0 }
    await expect(pulls()).rejects.toMatchObject({
      code: 'download_failed',
      message: expect.stringMatching(/cannot be downloaded .*check the network, then pull again to continue/),
    })
    expect(existsSync(path())).toBe(false)
    hub.faults.drop = undefined
    await pulls()
    expectWhole()
  })

  test('to a server without ranges starts over at the first byte', async () => {
    hub.faults.noRanges = true
    hub.faults.drop = { times: 3, after: 1_100_000 }
    await pulls()
    expectWhole()
  })

  test('that is silent times out', async () => {
    const silent = createServer(() => {})
    await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve))
    onTestFinished(() => stopServer(silent))
    const endpoint = `http://127.0.0.1:${(silent.address() as AddressInfo).port}`
    await expect(pulls({ hub: { endpoint }, idleMs: 50 })).rejects.toThrow('cannot be downloaded')
  })

  test('that cannot be made is an error that names the hub', async () => {
    await expect(pulls({ hub: { endpoint: 'http://127.0.0.1:1' } })).rejects.toThrow(
      /org\/model@main cannot be downloaded from http:\/\/127\.0\.0\.1:1 \(.*ECONNREFUSED/,
    )
    expect(readdirSync(modelsDir)).toEqual([])
  })

  test('that delivers wrong bytes is tried again once, then it is an error', async () => {
    hub.faults.corrupt = { times: 1 }
    await pulls()
    expectWhole()
    rmSync(path(), { recursive: true })
    hub.faults.corrupt = { times: 1000 }
    await expect(pulls()).rejects.toThrow(/arrived twice with a wrong hash/)
    expect(existsSync(path())).toBe(false)
  })
})

describe('the hub', () => {
  test('that is busy is asked again after the time that it says', async () => {
    hub.faults.refuse = { times: 2, status: 429, retryAfter: '1' }
    const before = performance.now()
    await pulls()
    expect(performance.now() - before).toBeGreaterThan(1900)
    expectWhole()
  })

  test('that is busy for very long is an error', async () => {
    hub.faults.refuse = { times: 99, status: 429, retryAfter: '3600' }
    await expect(pulls()).rejects.toThrow('the hub is busy for 60 minutes; try again then')
  })

  test.each([500, 502, 503])('that answers %i is asked again', async (status) => {
    hub.faults.refuse = { times: 3, status }
    await pulls()
    expectWhole()
  })

  test('gets the token, and no other server does', async () => {
    await useHub({ files: modelFiles(large), token: 'secret' })
    await pulls({ hub: { endpoint: hub.endpoint, token: 'secret' } })
    expectWhole()
    const tokens = (server: string) =>
      new Set(hub.seen.filter((one) => one.server === server).map((one) => one.authorization))
    expect(tokens('hub')).toEqual(new Set(['Bearer secret']))
    expect(tokens('store')).toEqual(new Set([undefined]))
  })

  test.each([
    [undefined, undefined, 'unauthorized', 'set HF_TOKEN to a token of an account that may read it'],
    ['wrong', undefined, 'unauthorized', 'the token is not valid; set HF_TOKEN'],
    [undefined, 'GatedRepo', 'unauthorized', 'accept its conditions'],
    [undefined, 'RepoNotFound', 'model_not_found', 'is not on the hub; check its name; if it is private, set HF_TOKEN'],
  ])('that denies access (token %s, %s) is an error with the fix', async (token, errorCode, code, message) => {
    await useHub({ files: {}, token: 'secret', errorCode })
    await expect(pulls({ hub: { endpoint: hub.endpoint, token } })).rejects.toMatchObject({
      code,
      message: expect.stringContaining(message),
    })
    expect(readdirSync(modelsDir)).toEqual([])
  })

  test('that does not have the model or the revision is an error that says which', async () => {
    await expect(pull({ name: 'org/other' }, options)).rejects.toThrow('org/other@main is not on the hub')
    await expect(pull({ name, revision: 'v9' }, options)).rejects.toThrow('org/model@v9 has no such revision')
  })

  test('that has other kinds of weights is an error that names mlx-community', async () => {
    await useHub({
      files: { 'config.json': Buffer.from('{}'), 'model-Q4.gguf': Buffer.alloc(9), 'x.bin': Buffer.alloc(9) },
    })
    await expect(pulls()).rejects.toThrow(/has no model\.safetensors; its weights are \.gguf, \.bin, .*mlx-community/)
  })

  test('cannot make a pull write outside of its folder', async () => {
    const index = { weight_map: { a: '../../evil.safetensors' } }
    await useHub({
      files: {
        ...modelFiles(),
        '../../evil.safetensors': Buffer.from('x'),
        'model.safetensors.index.json': Buffer.from(JSON.stringify(index)),
      },
    })
    await expect(pulls()).rejects.toThrow('has no ../../evil.safetensors')
    expect(existsSync(join(modelsDir, '..', 'evil.safetensors'))).toBe(false)
  })

  test('is at HF_ENDPOINT, with the token of the environment or the token file', () => {
    const home = mkdtempSync(join(modelsDir, 'home-'))
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
    await expect(pulls({ hub: { endpoint: 'https://hub.invalid' } })).rejects.toThrow()
    expect(asked[0]).toBe('hub.invalid:443')
  })
})

describe('a pull that was stopped', () => {
  test('keeps what arrived, and the next pull continues from there', async () => {
    hub.faults.slowMs = 5
    const stop = new AbortController()
    let came = 0
    const add = (bytes: number) => {
      came += bytes
      if (came > 3e6) stop.abort()
    }
    const progress = { begin: () => {}, add, end: () => {} }
    await expect(pulls({ signal: stop.signal, progress })).rejects.toMatchObject({
      code: 'cancelled',
      message: expect.stringMatching(/^stopped; [\d.]+ MB are kept; to continue: tether pull org\/model$/),
    })
    expect(existsSync(path())).toBe(false)
    hub.faults.slowMs = 0
    const before = hub.sent()
    const begin = vi.fn()
    await pulls({ progress: { begin, add: () => {}, end: () => {} } })
    expectWhole()
    expect(begin.mock.calls[0]?.[0].done).toBeGreaterThanOrEqual(3e6)
    expect(hub.sent() - before).toBeLessThan(8.2e6 - 2.9e6)
  })

  test('downloads a file again if the hub has other content by now', async () => {
    const stop = new AbortController()
    const progress = { begin: () => {}, add: () => stop.abort(), end: () => {} }
    await expect(pulls({ connections: 1, signal: stop.signal, progress })).rejects.toThrow('stopped')
    const shard = hub.options.files['model-00001-of-00002.safetensors'] as Buffer
    shard.fill(7, 5000)
    hub.options.commit = 'c0ffee2'
    await pulls()
    expectWhole()
  })

  test('loses only the last span if its log is truncated', async () => {
    const stop = new AbortController()
    const progress = { begin: () => {}, add: () => stop.abort(), end: () => {} }
    await expect(pulls({ connections: 1, signal: stop.signal, progress })).rejects.toThrow('stopped')
    const [log] = readdirSync(partialFolder(path())).filter((file) =>
      file.endsWith('00001-of-00002.safetensors.part.log'),
    )
    writeFileSync(join(partialFolder(path()), log as string), '2000000 30000', { flag: 'a' })
    await pulls()
    expectWhole()
  })
})

describe('a disk', () => {
  test('with too little space is an error before the weights are downloaded', async () => {
    await expect(pulls({ disk: { free: async () => 8e6 } })).rejects.toThrow(
      /8\.2 MB are still to download, and the disk of .* has 8\.0 MB left; free space/,
    )
    expect(hub.seen.some(({ url }) => url.endsWith('.safetensors'))).toBe(false)
  })

  test('that is full is an error, and the next pull continues', async () => {
    let room = 3e6
    const full = async (file: string, flags: string) => {
      const handle = await open(file, flags)
      const write = handle.write.bind(handle) as (...args: unknown[]) => Promise<unknown>
      handle.write = (async (data: Buffer | string, ...rest: unknown[]) => {
        room -= data.length
        if (room < 0) throw Object.assign(new Error('no space'), { code: 'ENOSPC' })
        return write(data, ...rest)
      }) as typeof handle.write
      return handle
    }
    await expect(pulls({ disk: { open: full } })).rejects.toThrow(/the disk of .* is full; free space, then pull again/)
    expect(existsSync(path())).toBe(false)
    await pulls()
    expectWhole()
  })

  test.runIf(canMount())('that really is full is an error too', async () => {
    const small = join(modelsDir, 'small')
    mkdirSync(small)
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=4m', 'tmpfs', small])
    try {
      const disk = { free: async () => Number.POSITIVE_INFINITY }
      await expect(pulls({ modelsDir: small, disk })).rejects.toThrow('is full')
      await expect(pulls({ modelsDir: small })).rejects.toThrow('free space')
    } finally {
      execFileSync('umount', [small])
    }
  })
})

function stopServer(server: Server) {
  server.closeAllConnections()
  server.close()
}

function canMount(): boolean {
  if (process.platform !== 'linux' || process.getuid?.() !== 0) return false
  const folder = mkdtempSync(join(tmpdir(), 'tether-mount-'))
  try {
    execFileSync('mount', ['-t', 'tmpfs', 'tmpfs', folder], { stdio: 'ignore' })
    execFileSync('umount', [folder])
    return true
  } catch {
    return false
  } finally {
    rmSync(folder, { recursive: true })
  }
}
