/** The built command on a checkpoint whose template takes all the time that it may: it ends at once when it is told to. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { runFolder } from '../../../src/cli/serving/run-folder.js'
import { knownServers } from '../../../src/cli/serving/running-servers.js'
import { removePlace } from '../../support/remove-place.js'
import { until } from '../../support/until.js'

const root = join(import.meta.dirname, '..', '..', '..')
const demo = join(root, 'demo', 'model')
const base = mkdtempSync(join(tmpdir(), 'tether-slow-template-'))
/** Each step counts as one, and takes several microseconds. */
const TEMPLATE = `{% set b = 10 ** 250 %}{% for i in range(10000) %}{% for j in range(10000) %}{% set x = b * b // 7 %}{% endfor %}{% endfor %}`

beforeAll(() => {
  for (const name of readdirSync(demo)) if (!/chat_template/.test(name)) symlinkSync(join(demo, name), join(base, name))
  writeFileSync(join(base, 'chat_template.jinja'), TEMPLATE)
})
afterAll(() => removePlace(base))

/** Where the server listens: it is recorded from then on, before its model is loaded. */
async function address(): Promise<string> {
  await until(() => knownServers(runFolder(base)).length > 0)
  return knownServers(runFolder(base))[0]?.url ?? ''
}

it.each([
  ['SIGINT', 130],
  ['SIGTERM', 143],
] as const)(
  '%s while the template is tried out -> status %i, at once',
  async (signal, status) => {
    const args = [join(root, 'bin', 'tether.mjs'), '--serve-only', '--model', base, '--port', '0']
    const child = spawn(process.execPath, args, { env: { ...process.env, HOME: base }, stdio: 'ignore' })
    const ended = once(child, 'exit')
    const url = await address()
    const state = async () => (await (await fetch(`${url}/health`)).json()) as { status: string }
    await sleep(1000)
    // It is at the template still, and answers.
    expect((await state()).status).not.toBe('ok')
    const told = performance.now()
    child.kill(signal)
    expect((await ended)[0]).toBe(status)
    // The template takes ten seconds.
    expect(performance.now() - told).toBeLessThan(8000)
  },
  60_000,
)
