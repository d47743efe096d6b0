/** The log of requests as JSON lines. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { openRequestLog } from '../../../src/cli/serving/request-log.js'

let folder: string
const bounds = { maxBytes: 1_000_000, older: 1 }
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'tether-request-log-test-'))
})
afterEach(() => rmSync(folder, { recursive: true }))

describe('openRequestLog', () => {
  test('logs a digest of each request, and none of its text', () => {
    const path = join(folder, 'requests.jsonl')
    const log = openRequestLog(path, { ...bounds, onFault: () => {} })
    const body = Buffer.from(JSON.stringify({ stream: true, messages: 'very private' }))
    const about = { stream: true, bytes: body.length, sha256: '5e' }
    log.asked(body, about)
    log.asked(body, about)
    log.ended({ method: 'POST', path: '/v1/messages', status: 200, ms: 5 })
    const lines = readFileSync(path, 'utf8').trim().split('\n')
    const [one, two, three] = lines.map((line) => JSON.parse(line))
    expect(one).toMatchObject({ type: 'asked', ...about })
    expect(two).toMatchObject(about)
    expect(three).toMatchObject({ type: 'ended', status: 200 })
    expect(lines.join('')).not.toContain('private')
  })

  test('tells once that it cannot be written, and goes on once it can', () => {
    const path = join(folder, 'logs', 'requests.jsonl')
    mkdirSync(join(folder, 'logs'))
    const faults: string[] = []
    const log = openRequestLog(path, { ...bounds, onFault: (message) => faults.push(message) })
    const line = { method: 'GET', path: '/health', status: 200, ms: 5 }
    rmSync(join(folder, 'logs'), { recursive: true })
    for (let i = 0; i < 5; i++) log.ended(line)
    expect(faults).toEqual([expect.stringContaining(`the request log ${path} cannot be written: ENOENT`)])
    mkdirSync(join(folder, 'logs'))
    log.ended(line)
    expect(readFileSync(path, 'utf8').split('\n')).toHaveLength(2)
  })

  test('writes no control character, and one line for each entry', () => {
    const path = join(folder, 'requests.jsonl')
    const log = openRequestLog(path, { ...bounds, onFault: () => {} })
    const odd = '/v1/\n\r\x1b[31m\x9b\x7f\u202e\u2028'
    log.ended({ method: 'GET', path: odd, status: 404, ms: 5 })
    const text = readFileSync(path, 'utf8')
    expect(text).toMatch(/^[\x20-\x7e]*\n$/)
    expect(JSON.parse(text).path).toBe(odd)
  })
})
