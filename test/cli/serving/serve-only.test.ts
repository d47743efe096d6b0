/** tether as a server only, and with a port that is taken. */
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { useTether } from '../../support/cli-fixture.js'
import { until } from '../../support/until.js'

const tether = useTether()

describe('--serve-only', () => {
  test.each(['SIGINT', 'SIGTERM'] as const)(
    'prints what a client needs, logs requests, and exits with status 0 on %s',
    async (signal) => {
      const running = tether.startOnDemo(['--serve-only', '--port', '0', '--log-level', 'info'])
      await until(() => running.stdout().includes('Ctrl-C'))
      const url = /export ANTHROPIC_BASE_URL=(\S+)/.exec(running.stdout())?.[1] ?? ''
      expect((await fetch(`${url}/v1/models`)).status).toBe(200)
      expect(running.stdout()).toContain('export ANTHROPIC_AUTH_TOKEN=any')
      expect(running.stdout()).toContain('export CLAUDE_CODE_MAX_CONTEXT_TOKENS=65536')
      expect(running.stdout()).toContain(`curl -s ${url}/v1/messages`)
      await until(() => running.stderr().includes('GET /v1/models 200'))
      running.process.kill(signal)
      expect((await running.ended).code).toBe(0)
    },
  )

  test('creates a key if other machines can reach it', async () => {
    const running = tether.startOnDemo(['--serve-only', '--port', '0', '--host', '0.0.0.0'])
    await until(() => running.stdout().includes('Ctrl-C'))
    const key = /export ANTHROPIC_AUTH_TOKEN=(\S+)/.exec(running.stdout())?.[1] ?? ''
    const url = /export ANTHROPIC_BASE_URL=(\S+)/.exec(running.stdout())?.[1] ?? ''
    expect(key.length).toBeGreaterThan(20)
    expect((await fetch(`${url}/v1/models`)).status).toBe(401)
    expect((await fetch(`${url}/v1/models`, { headers: { authorization: `Bearer ${key}` } })).status).toBe(200)
    running.process.kill('SIGINT')
    await running.ended
  })
})

describe('a taken port', () => {
  let taken: number
  let other: ReturnType<typeof createServer>
  beforeEach(async () => {
    other = createServer()
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve))
    taken = (other.address() as AddressInfo).port
  })
  afterEach(() => void other.close())

  test('that was asked for is an error that names the program', async () => {
    const { code, stderr } = await tether.startOnDemo(['--port', String(taken), '--claude-path', tether.place.claude])
      .ended
    expect(code).toBe(1)
    expect(stderr).toContain(`port ${taken} is taken`)
    if (process.platform === 'linux') expect(stderr).toContain(`process ${process.pid}`)
    expect(stderr).toContain(`--port ${taken + 1}`)
  })
})
