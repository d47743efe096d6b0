/** What a pull downloads, keeps and verifies. */
import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { open } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, test, vi } from 'vitest'
import { partialFolder } from '../../../src/models/find-model.js'
import { modelFiles } from '../../support/model-folders.js'
import { large, usePulls } from '../../support/pulls.js'

const pulls = usePulls()

describe('a pull', () => {
  test('downloads the files that a model needs, and no others', async () => {
    Object.assign(pulls.hub.options.files, {
      'README.md': Buffer.from('hello'),
      'model.Q4.gguf': Buffer.alloc(5000),
      'chat_template.jinja': Buffer.from('{{ x }}'),
    })
    expect(await pulls.pull()).toEqual({ path: pulls.path(), wasThere: false, about: 'c0ffee, 8.2 MB' })
    pulls.expectWhole()
    expect(pulls.hub.seen.some(({ url }) => /README|gguf/.test(url))).toBe(false)
  })

  test.each([
    [{ 'tokenizer.json': true, 'tekken.json': true, 'tokenizer.model': true }, ['tokenizer.json', 'tokenizer.model']],
    [{ 'tekken.json': true }, ['tekken.json']],
    [{ 'tokenizer.model': true }, ['tokenizer.model']],
  ])('of a repository with %o downloads the tokenizer that is read', async (there, expected) => {
    const { files } = pulls.hub.options
    const tokenizer = files['tokenizer.json'] as Buffer
    delete files['tokenizer.json']
    for (const name of Object.keys(there)) files[name] = tokenizer
    await pulls.pull()
    expect(pulls.files().filter((name) => /^(tokenizer\.(json|model)|tekken\.json)$/.test(name))).toEqual(expected)
  })

  describe('where the index is of no use', () => {
    const index = 'model.safetensors.index.json'
    const weights = ['model-00001-of-00002.safetensors', 'model-00002-of-00002.safetensors']

    test.each([
      ['is broken', '{'],
      ['has no weight_map', '{}'],
      ['is of other files', '{"weight_map":{"a":"old.safetensors"}}'],
    ])('since it %s, downloads the files that are a whole set', async (_, text) => {
      pulls.hub.options.files[index] = Buffer.from(text)
      await pulls.pull()
      expect(pulls.files().filter((name) => name.endsWith('.safetensors'))).toEqual(weights)
    })

    test('says what is missing if they are not', async () => {
      delete pulls.hub.options.files[weights[0] as string]
      await expect(pulls.pull()).rejects.toThrow('org/model has no model-00001-of-00002.safetensors: its upload')
      pulls.hub.options.files[index] = Buffer.from('{')
      await expect(pulls.pull()).rejects.toThrow(`org/model has a broken ${index}. Report it`)
    })
  })

  test('downloads several pieces at once', async () => {
    await pulls.pull()
    const ranges = pulls.hub.seen.filter(({ server }) => server === 'store').map(({ range }) => range)
    expect(ranges.filter((range) => range?.startsWith('bytes=1500000-2999999'))).toHaveLength(2)
  })

  test('of a model that is already there does nothing', async () => {
    await pulls.pull()
    const before = pulls.hub.seen.length
    expect(await pulls.pull()).toEqual({ path: pulls.path(), wasThere: true, about: 'c0ffee, 8.2 MB' })
    expect(pulls.hub.seen.length).toBe(before)
    await expect(pulls.pull({}, 'v2')).rejects.toThrow(/is revision main \(c0ffee\), not v2/)
  })

  test('finds that a model that is already there is damaged', async () => {
    await pulls.pull()
    truncateSync(join(pulls.path(), 'tokenizer.json'), 1)
    await expect(pulls.pull()).rejects.toThrow(
      /tokenizer\.json has 1 bytes of 2\. Remove the folder, then pull again\./,
    )
    truncateSync(join(pulls.path(), 'model-00001-of-00002.safetensors'), 5000)
    await expect(pulls.pull()).rejects.toThrow(/is damaged: .*truncated/)
  })

  test('reports its progress', async () => {
    const seen: number[] = []
    let total = 0
    await pulls.pull({
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
  })

  test('warns of a model that tether cannot load, before it downloads the weights', async () => {
    await pulls.useHub({ files: modelFiles({ config: { model_type: 'strange' }, ...large }) })
    let storeWhenWarned: number | undefined
    await pulls.pull({
      say: () => {
        storeWhenWarned ??= pulls.hub.seen.filter(({ url }) => url.includes('safetensors')).length
      },
    })
    expect(storeWhenWarned).toBe(0)
    expect(pulls.files()).toContain('model.safetensors')
  })

  test('asks for the given revision', async () => {
    await pulls.pull({}, 'v2')
    expect(pulls.hub.seen[0]?.url).toBe('/api/models/org/model/revision/v2?blobs=true')
  })
})

describe('a pull that was stopped', () => {
  test('keeps what arrived, and the next pull continues from there', async () => {
    pulls.hub.faults.slowMs = 5
    const stop = new AbortController()
    let came = 0
    const add = (bytes: number) => {
      came += bytes
      if (came > 3e6) stop.abort()
    }
    const progress = { begin: () => {}, add, end: () => {} }
    await expect(pulls.pull({ signal: stop.signal, progress })).rejects.toMatchObject({
      code: 'cancelled',
      message: expect.stringMatching(/^Stopped, [\d.]+ MB kept\. To continue:\n {2}tether pull org\/model$/),
    })
    expect(existsSync(pulls.path())).toBe(false)
    pulls.hub.faults.slowMs = 0
    const before = pulls.hub.sent()
    const begin = vi.fn()
    await pulls.pull({ progress: { begin, add: () => {}, end: () => {} } })
    pulls.expectWhole()
    expect(begin.mock.calls[0]?.[0].done).toBeGreaterThanOrEqual(3e6)
    expect(pulls.hub.sent() - before).toBeLessThan(8.2e6 - 2.9e6)
  })

  test('downloads a file again if the hub has other content by now', async () => {
    const stop = new AbortController()
    const progress = { begin: () => {}, add: (bytes: number) => bytes > 1000 && stop.abort(), end: () => {} }
    await expect(pulls.pull({ connections: 1, signal: stop.signal, progress })).rejects.toThrow('Stopped')
    const shard = pulls.hub.options.files['model-00001-of-00002.safetensors'] as Buffer
    shard.fill(7, 5000)
    pulls.hub.options.commit = 'c0ffee2'
    await pulls.pull()
    pulls.expectWhole()
  })

  test('loses only the last span if its log is truncated', async () => {
    const stop = new AbortController()
    const progress = { begin: () => {}, add: (bytes: number) => bytes > 1000 && stop.abort(), end: () => {} }
    await expect(pulls.pull({ connections: 1, signal: stop.signal, progress })).rejects.toThrow('Stopped')
    const [log] = readdirSync(partialFolder(pulls.path())).filter((file) =>
      file.endsWith('00001-of-00002.safetensors.part.log'),
    )
    writeFileSync(join(partialFolder(pulls.path()), log as string), '2000000 30000', { flag: 'a' })
    await pulls.pull()
    pulls.expectWhole()
  })
})

describe('a disk', () => {
  test('with too little space is an error before the weights are downloaded', async () => {
    await expect(pulls.pull({ disk: { free: async () => 8e6 } })).rejects.toThrow(
      /8\.2 MB are left to download, and the disk of .* has 8\.0 MB free\. Free space/,
    )
    expect(pulls.hub.seen.some(({ url }) => url.endsWith('.safetensors'))).toBe(false)
  })

  test('that has a file where the models folder should be is an error that names it', async () => {
    const file = join(pulls.modelsDir, 'file')
    writeFileSync(file, '')
    await expect(pulls.pull({ modelsDir: join(file, 'models') })).rejects.toMatchObject({
      code: 'download_failed',
      message: expect.stringMatching(/\/file\/models cannot be written to \(ENOTDIR.*\). Fix that, then pull again/),
    })
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
    await expect(pulls.pull({ disk: { open: full } })).rejects.toThrow(
      /the disk of .* is full\. Free space, then pull again/,
    )
    expect(existsSync(pulls.path())).toBe(false)
    await pulls.pull()
    pulls.expectWhole()
  })

  test.runIf(canMount())('that really is full is an error too', async () => {
    const small = join(pulls.modelsDir, 'small')
    mkdirSync(small)
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=4m', 'tmpfs', small])
    try {
      const disk = { free: async () => Number.POSITIVE_INFINITY }
      await expect(pulls.pull({ modelsDir: small, disk })).rejects.toThrow('is full')
      await expect(pulls.pull({ modelsDir: small })).rejects.toThrow('Free space')
    } finally {
      execFileSync('umount', [small])
    }
  })
})

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
