import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

const load = resolve('dist/engine/load.js')
const options = resolve('dist/options.js')
const demo = resolve('demo/model')

/** A program whose engine is in the middle of a long prefill when `end` runs. */
const busy = (end: string) => `
import { loadEngine } from ${JSON.stringify(load)}
import { plainSampling } from ${JSON.stringify(options)}
const engine = await loadEngine(${JSON.stringify(demo)})
const prompt = Int32Array.from({ length: 50000 }, (_, i) => 300 + ((i * 7919) % 2700))
const request = { prompt, maxTokens: 10, ...plainSampling, temperature: 0, stopTokens: new Int32Array(0) }
const running = (async () => { for await (const _ of engine.generate(request)); })()
running.catch(() => {})
await new Promise((resolve) => setTimeout(resolve, 200))
${end}
`

describe('a process whose engine is busy', () => {
  let folder: string
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'tether-exit-'))
  })
  afterAll(() => rmSync(folder, { recursive: true }))

  function run(end: string) {
    const file = join(folder, 'program.mjs')
    writeFileSync(file, busy(end))
    const { status, signal, stderr } = spawnSync(process.execPath, [file], { encoding: 'utf8', timeout: 100_000 })
    return { status, signal, stderr }
  }

  test('exits by process.exit() with the given code', () => {
    for (let i = 0; i < 5; i++) expect(run('process.exit(7)')).toMatchObject({ status: 7, signal: null })
  })

  test('exits by an uncaught error as any other process does', () => {
    const { status, stderr } = run('throw new Error("on purpose")')
    expect(status).toBe(1)
    expect(stderr).toContain('on purpose')
  })

  test('exits by a signal that it handles', () => {
    const end = 'process.on("SIGTERM", () => process.exit(3)); process.kill(process.pid, "SIGTERM"); await running'
    expect(run(end)).toMatchObject({ status: 3, signal: null })
  })

  test('exits by a signal that it does not handle', () => {
    expect(run('process.kill(process.pid, "SIGTERM"); await running')).toMatchObject({ signal: 'SIGTERM' })
  })

  test('continues after close() is awaited', () => {
    expect(run('await engine.close(); await running; process.exitCode = 5')).toMatchObject({ status: 5, signal: null })
  })

  test('exits by itself when the work is done, without close()', () => {
    const quick = busy('').replace('length: 50000', 'length: 50')
    const file = join(folder, 'quick.mjs')
    writeFileSync(file, quick)
    const { status, signal } = spawnSync(process.execPath, [file], { timeout: 100_000 })
    expect({ status, signal }).toEqual({ status: 0, signal: null })
  })

  test('gets a loaded engine even if its progress callback throws', () => {
    const file = join(folder, 'throws.mjs')
    writeFileSync(
      file,
      `import { loadEngine } from ${JSON.stringify(load)}
import { plainSampling } from ${JSON.stringify(options)}
process.on('uncaughtException', () => {})
setTimeout(() => process.exit(1), 90_000)
const onProgress = () => {
  // Meanwhile the other messages queue up, to be delivered together.
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, calls++ === 0 ? 1000 : 0)
  throw new Error('on purpose')
}
let calls = 0
const engine = await loadEngine(${JSON.stringify(demo)}, { onProgress })
await engine.close()
process.exit(calls > 1 ? 9 : 2)`,
    )
    const { status, signal, stderr } = spawnSync(process.execPath, [file], { encoding: 'utf8', timeout: 100_000 })
    expect({ status, signal }, stderr).toEqual({ status: 9, signal: null })
  })

  test('survives a worker that is terminated in the middle', () => {
    const worker = join(folder, 'worker.mjs')
    writeFileSync(worker, busy('await running'))
    const file = join(folder, 'main.mjs')
    writeFileSync(
      file,
      `import { Worker } from 'node:worker_threads'
for (let i = 0; i < 3; i++) {
  const worker = new Worker(${JSON.stringify(worker)})
  await new Promise((resolve) => setTimeout(resolve, 500))
  await worker.terminate()
}
process.exitCode = 9`,
    )
    const { status, signal } = spawnSync(process.execPath, [file], { timeout: 100_000 })
    expect({ status, signal }).toEqual({ status: 9, signal: null })
  })

  test('survives workers that are terminated at any moment of loading, generating, scoring and closing', () => {
    const worker = join(folder, 'restless.mjs')
    writeFileSync(
      worker,
      `import { loadEngine } from ${JSON.stringify(load)}
import { plainSampling } from ${JSON.stringify(options)}
const prompt = Int32Array.from({ length: 20 }, (_, i) => 300 + i)
const request = { prompt, maxTokens: 50, ...plainSampling, temperature: 0, stopTokens: new Int32Array(0) }
while (true) {
  const engine = await loadEngine(${JSON.stringify(demo)}, { onProgress() {} })
  const read = async () => { for await (const _ of engine.generate(request)) engine.stats() }
  await Promise.all([read(), read(), engine.score(prompt)])
  const rejected = engine.score(prompt).catch(() => {})
  await engine.close()
  await rejected
}`,
    )
    const file = join(folder, 'terminate.mjs')
    writeFileSync(
      file,
      `import { Worker } from 'node:worker_threads'
let ended = 0
const until = Date.now() + 6000
// Several at once, each with its own delays: the speed of the machine decides what they interrupt.
await Promise.all([0, 1, 2].map(async (lane) => {
  for (let delay = 100 + 37 * lane; Date.now() < until; delay = 100 + ((delay + 171) % 900)) {
    const worker = new Worker(${JSON.stringify(worker)})
    worker.on('error', (error) => { throw error })
    await new Promise((resolve) => setTimeout(resolve, delay))
    await worker.terminate()
    ended++
  }
}))
process.exitCode = ended >= 6 ? 9 : 1`,
    )
    const { status, signal, stderr } = spawnSync(process.execPath, [file], { encoding: 'utf8', timeout: 100_000 })
    expect({ status, signal }, stderr).toEqual({ status: 9, signal: null })
  })
})
