/** The built command on a checkpoint whose template takes all the time that it may: it ends at once when it is told to. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, expect, it } from 'vitest'

const root = join(import.meta.dirname, '..', '..', '..')
const demo = join(root, 'demo', 'model')
const base = mkdtempSync(join(tmpdir(), 'tether-slow-template-'))
/** Each step counts as one, and takes several microseconds. */
const TEMPLATE = `{% set b = 10 ** 250 %}{% for i in range(10000) %}{% for j in range(10000) %}{% set x = b * b // 7 %}{% endfor %}{% endfor %}`

beforeAll(() => {
  for (const name of readdirSync(demo)) if (!/chat_template/.test(name)) symlinkSync(join(demo, name), join(base, name))
  writeFileSync(join(base, 'chat_template.jinja'), TEMPLATE)
})
afterAll(() => rmSync(base, { recursive: true, force: true }))

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  return port
}

it.each([
  ['SIGINT', 130],
  ['SIGTERM', 143],
] as const)(
  '%s while the template is tried out -> status %i, at once',
  async (signal, status) => {
    const port = await freePort()
    const args = [join(root, 'bin', 'tether.mjs'), '--serve-only', '--model', base, '--port', String(port)]
    const child = spawn(process.execPath, args, { env: { ...process.env, HOME: base }, stdio: 'ignore' })
    const ended = once(child, 'exit')
    const state = async () => (await (await fetch(`http://127.0.0.1:${port}/health`)).json()) as { status: string }
    for (let tries = 0; tries < 200; tries++) {
      if (await state().catch(() => undefined)) break
      await sleep(50)
    }
    await sleep(1000)
    // It is at the template still, and answers.
    expect((await state()).status).not.toBe('ok')
    const told = performance.now()
    child.kill(signal)
    expect((await ended)[0]).toBe(status)
    expect(performance.now() - told).toBeLessThan(3000)
  },
  60_000,
)
