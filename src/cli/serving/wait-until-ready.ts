/** Waits until the server answers that its model is ready, asking as any client would. */
import { setTimeout as sleep } from 'node:timers/promises'
import { TetherError } from '../../errors.js'

type Undici = typeof import('undici')

const timeoutMs = 15_000

/** Throws `internal` if the model failed to load, or if the server is not ready within 15 seconds. */
export async function waitUntilReady(url: string): Promise<void> {
  // Imported once the model loads: it takes 80 ms, which the picker would open later.
  const { request } = await import('undici')
  const end = performance.now() + timeoutMs
  for (;;) {
    const health = await askHealth(url, request)
    if (health.status === 'ok') return
    if (health.status === 'failed') throw new TetherError('internal', health.message ?? 'the model failed to load')
    if (performance.now() > end) {
      const said = health.message ?? health.status
      throw new TetherError('internal', `the server at ${url} did not become ready within 15 s: ${said}`)
    }
    await sleep(50)
  }
}

/** `status` is ok, loading, failed, or the error of the request. */
async function askHealth(url: string, request: Undici['request']): Promise<{ status: string; message?: string }> {
  try {
    const { body } = await request(`${url}/health`, { headersTimeout: 3000, bodyTimeout: 3000, reset: true })
    return (await body.json()) as { status: string; message?: string }
  } catch (error) {
    return { status: error instanceof Error ? error.message : String(error) }
  }
}
