/** The log of requests as JSON lines. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { openRequestLog } from '../../../src/cli/serving/request-log.js'

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'tether-request-log-test-'))
})
afterEach(() => rmSync(folder, { recursive: true }))

describe('openRequestLog', () => {
  test('logs a digest of each request, and none of its text', () => {
    const path = join(folder, 'requests.jsonl')
    const log = openRequestLog(path)
    const body = Buffer.from(JSON.stringify({ stream: true, messages: 'very private' }))
    log.asked(body)
    log.asked(body)
    log.ended({ method: 'POST', path: '/v1/messages', status: 200, ms: 5 })
    const lines = readFileSync(path, 'utf8').trim().split('\n')
    const [one, two, three] = lines.map((line) => JSON.parse(line))
    expect(one).toMatchObject({ type: 'asked', stream: true })
    expect(one.sha256).toBe(two.sha256)
    expect(three).toMatchObject({ type: 'ended', status: 200 })
    expect(lines.join('')).not.toContain('private')
  })
})
