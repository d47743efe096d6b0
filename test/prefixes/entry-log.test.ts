/** A file of entries that several processes read and append to. */
import { type ChildProcess, spawn } from 'node:child_process'
import {
  appendFileSync,
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { type EntryLog, openEntryLog } from '../../src/prefixes/entry-log.js'
import { seeded } from '../support/random.mjs'

let folder: string
let path: string
let faults: string[]
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'tether-log-test-'))
  path = join(folder, 'deep', 'log.bin')
  faults = []
})
afterEach(() => rmSync(folder, { recursive: true }))

/** An entry's id is what precedes its colon. */
const open = (mostBytes = 100_000): EntryLog =>
  openEntryLog(path, {
    mostBytes,
    idOf: (body) => body.toString().split(':')[0] as string,
    onFault: ({ message }) => faults.push(message),
  })
const news = (log: EntryLog) => log.news().map(String)
const put = (log: EntryLog, ...texts: string[]) => {
  for (const text of texts) log.append(Buffer.from(text))
}

describe('the log', () => {
  test('gives what was appended to the next process, in order, and then only what is new', () => {
    const first = open()
    put(first, 'a:1', 'b:2')
    expect(news(first)).toEqual([])
    const second = open()
    expect(news(second)).toEqual(['a:1', 'b:2'])
    expect(news(second)).toEqual([])
    put(first, 'c:3')
    expect(news(second)).toEqual(['c:3'])
    put(second, 'd:4')
    expect([news(first), news(second)]).toEqual([['d:4'], []])
    expect(faults).toEqual([])
  })

  test('is private, and its folder too', () => {
    put(open(), 'a:1')
    expect(statSync(path).mode & 0o777).toBe(0o600)
    expect(statSync(join(folder, 'deep')).mode & 0o777).toBe(0o700)
  })

  test('begins anew where its file was deleted', () => {
    const log = open()
    put(log, 'a:1')
    rmSync(path)
    expect(news(log)).toEqual([])
    put(log, 'b:2')
    expect(news(log)).toEqual([])
    expect(news(open())).toEqual(['b:2'])
  })

  test('skips a damaged entry, wherever the damage is, and no other', () => {
    put(open(), 'a:11111', 'b:22222', 'c:33333')
    const whole = readFileSync(path)
    for (let at = 0; at < whole.length; at++) {
      const bytes = Buffer.from(whole)
      bytes[at] = (bytes[at] as number) ^ 0x41
      writeFileSync(path, bytes)
      const damaged = Math.floor(at / (whole.length / 3))
      expect(news(open()), `byte ${at}`).toEqual(['a:11111', 'b:22222', 'c:33333'].filter((_, i) => i !== damaged))
    }
  })

  test('has every entry before the end, wherever it was cut off, and every one that is appended after it', () => {
    put(open(), 'a:1', 'b:2')
    const whole = readFileSync(path)
    for (let length = 0; length < whole.length; length++) {
      writeFileSync(path, whole)
      truncateSync(path, length)
      const kept = length < whole.length / 2 ? [] : ['a:1']
      const log = open()
      expect(news(log)).toEqual(kept)
      put(log, 'c:3')
      expect(news(open()), `${length} bytes`).toEqual([...kept, 'c:3'])
    }
  })

  test('reads an entry that was only half there once it is whole', () => {
    const [writer, reader] = [open(), open()]
    put(writer, 'a:1')
    const whole = readFileSync(path)
    put(writer, 'b:2')
    const second = readFileSync(path).subarray(whole.length)
    writeFileSync(path, Buffer.concat([whole, second.subarray(0, 9)]))
    expect(news(reader)).toEqual(['a:1'])
    appendFileSync(path, second.subarray(9))
    expect(news(reader)).toEqual(['b:2'])
  })

  test('finds nothing in any other file', () => {
    mkdirSync(join(folder, 'deep'))
    const { below } = seeded(7)
    for (let size = 0; size < 2000; size += 37) {
      writeFileSync(path, Buffer.from(Array.from({ length: size }, () => below(256))))
      expect(news(open())).toEqual([])
    }
  })
})

describe('a full log', () => {
  const entry = (id: string) => `${id}:${'x'.repeat(88 - id.length - 1)}`

  test('stays below its size, with what was written last', () => {
    const log = open(1000)
    const ids = Array.from({ length: 100 }, (_, i) => `id${i}`)
    for (const id of ids) {
      put(log, entry(id))
      expect(statSync(path).size).toBeLessThanOrEqual(1000)
    }
    const left = news(open(1000)).map((text) => text.split(':')[0])
    expect(left.length).toBeGreaterThanOrEqual(5)
    expect(left).toEqual(ids.slice(-left.length))
    expect(readdirSync(join(folder, 'deep'))).toEqual(['log.bin'])
  })

  test('keeps what was used before what was only written, and one entry of each id', () => {
    const log = open(1000)
    put(log, entry('used'))
    for (let i = 0; i < 9; i++) put(log, entry(`a${i % 2}`))
    log.touch('used')
    put(log, entry('last'))
    expect(news(open(1000)).map((text) => text.split(':')[0])).toEqual(['a1', 'a0', 'used', 'last'])
  })

  test('does not lose what another process reads or appends', () => {
    const [log, other] = [open(1000), open(1000)]
    for (let i = 0; i < 9; i++) put(log, entry(`a${i}`))
    put(other, entry('b'))
    put(log, entry('c'))
    put(other, entry('d'))
    const left = news(open(1000)).map((text) => text.split(':')[0])
    expect(left.slice(-3)).toEqual(['b', 'c', 'd'])
    expect(news(other).map((text) => text.split(':')[0])).toContain('c')
  })

  test('does not take an entry that would push out all others', () => {
    const log = open(1000)
    put(log, entry('a'), `b:${'x'.repeat(200)}`)
    expect(news(open(1000))).toEqual([entry('a')])
  })
})

describe('a log that cannot be used', () => {
  test('reports it and goes on, and works again once the fault is gone', () => {
    writeFileSync(join(folder, 'deep'), 'a file where a folder should be')
    const log = open()
    put(log, 'a:1')
    expect(faults).toEqual([expect.stringMatching(/EEXIST|ENOTDIR/)])
    rmSync(join(folder, 'deep'))
    put(log, 'b:2')
    expect(news(open())).toEqual(['b:2'])
  })

  test.runIf(existsSync('/dev/full'))('because the disk is full reports that', () => {
    path = '/dev/full'
    put(open(), 'a:1')
    expect(faults).toEqual([expect.stringMatching(/ENOSPC|other users/)])
  })

  test('because others can write it is neither read nor written', () => {
    put(open(), 'a:1')
    chmodSync(path, 0o666)
    const log = open()
    expect(news(log)).toEqual([])
    put(log, 'b:2')
    expect(faults).toEqual(['other users may write this file', 'other users may write this file'])
    chmodSync(path, 0o600)
    expect(news(open())).toEqual(['a:1'])
  })
})

describe('processes that append together', () => {
  const program = `
    import { openEntryLog } from '${new URL('../../dist/prefixes/entry-log.js', import.meta.url).pathname}'
    const [path, name, most] = process.argv.slice(1)
    const log = openEntryLog(path, { mostBytes: Number(most), idOf: (body) => body.toString().slice(0, 9), onFault: (error) => { throw error } })
    for (let i = 0; i < 400; i++) log.append(Buffer.from(name + ':' + String(i).padStart(6, '0') + ' ' + 'y'.repeat(i % 300)))
    process.stdout.write('done')
    setInterval(() => log.append(Buffer.from(name + ':again. ' + 'y'.repeat(200))), 0)
  `
  const start = (name: string, most: number): ChildProcess =>
    spawn(process.execPath, ['--input-type=module', '--eval', program, path, name, String(most)], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
  const written = (child: ChildProcess) => new Promise((resolve) => child.stdout?.once('data', resolve))
  const gone = (child: ChildProcess) => new Promise((resolve) => child.once('exit', resolve))

  test('lose no entry and mix none, and leave a sound file when they are killed', async () => {
    const children = ['aa', 'bb'].map((name) => start(name, 1e9))
    await Promise.all(children.map(written))
    for (const child of children) child.kill('SIGKILL')
    await Promise.all(children.map(gone))
    const all = news(open(1e9)).filter((text) => !text.includes('again'))
    for (const name of ['aa', 'bb']) {
      expect(all.filter((text) => text.startsWith(name)).map((text) => Number(text.slice(3, 9)))).toEqual(
        Array.from({ length: 400 }, (_, i) => i),
      )
    }
    expect(faults).toEqual([])
  })

  test('stay below the size, with whole entries alone', async () => {
    const children = ['aa', 'bb'].map((name) => start(name, 20_000))
    await Promise.all(children.map(written))
    for (const child of children) child.kill('SIGKILL')
    await Promise.all(children.map(gone))
    const all = news(open(20_000))
    expect(all.length).toBeGreaterThan(10)
    expect(all.filter((text) => !/^(aa|bb):(\d{6}|again\.) y*$/.test(text))).toEqual([])
    // Both may have appended since one of them measured it.
    expect(statSync(path).size).toBeLessThan(22_000)
  })
})
