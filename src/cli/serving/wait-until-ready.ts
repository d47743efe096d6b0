/** Waits until the server answers that its model is ready, asking as any client would. */
import { once } from 'node:events'
import { get, type IncomingMessage } from 'node:http'
import { get as getSecurely } from 'node:https'
import { json } from 'node:stream/consumers'
import { setTimeout as sleep } from 'node:timers/promises'
import { messageOf, TetherError } from '../../errors.js'

const timeoutMs = 15_000

/** Throws `internal` if the model failed to load, or if the server is not ready within 15 seconds. */
export async function waitUntilReady(url: string): Promise<void> {
  const end = performance.now() + timeoutMs
  for (;;) {
    const health = await askHealth(url)
    if (health.status === 'ok') return
    if (health.status === 'failed') throw new TetherError('internal', health.message ?? 'the model failed to load')
    if (performance.now() > end) {
      const said = health.message ?? health.status
      throw new TetherError('internal', `the server at ${url} did not become ready within 15 s: ${said}`)
    }
    await sleep(50)
  }
}

interface Health {
  status: string
  message?: string
}

/** `status` is ok, loading, failed, or the error of the request. An agent of its own keeps no connection, and no proxy. */
async function askHealth(url: string): Promise<Health> {
  try {
    const options = { agent: false as const, signal: AbortSignal.timeout(3000) }
    // Its own server: whether others trust the certificate does not matter.
    const asked = url.startsWith('https:')
      ? getSecurely(`${url}/health`, { ...options, rejectUnauthorized: false })
      : get(`${url}/health`, options)
    const [answer] = (await once(asked, 'response')) as [IncomingMessage]
    return (await json(answer)) as Health
  } catch (error) {
    return { status: messageOf(error) }
  }
}
