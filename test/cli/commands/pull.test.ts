/** `tether pull` as a program: what it says, and that it can be stopped and continued. */
import { spawn } from 'node:child_process'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { partialFolder } from '../../../src/models/find-model.js'
import { collectOutput } from '../../support/cli-output.js'
import { compileCli } from '../../support/cli-process.js'
import { expectPulled, type FakeHub, startFakeHub } from '../../support/fake-hub.js'
import { modelFiles, withNonZeroWeights } from '../../support/model-folders.js'
import { until } from '../../support/until.js'

const name = 'org/model'
let modelsDir: string
let hub: FakeHub

beforeEach(async () => {
  modelsDir = mkdtempSync(join(tmpdir(), 'tether-pull-test-'))
  const large = { tensors: { a: { dtype: 'F32', shape: [1024, 1000] } } }
  hub = await startFakeHub({ files: withNonZeroWeights(modelFiles({ ...large, shards: 2 })) })
})
afterEach(async () => {
  await hub.close()
  rmSync(modelsDir, { recursive: true, force: true })
})

const path = () => join(modelsDir, name)
const expectWhole = () => expectPulled(hub, modelsDir)

describe('tether pull', () => {
  let compiled: string
  beforeAll(() => {
    compiled = compileCli()
    const entry = `import { runPull } from './src/cli/commands/pull.js'
      try { process.exit(await runPull({ model: process.argv[2], modelsDir: process.argv[3] })) }
      catch (error) { console.error(error.message); process.exit(1) }`
    writeFileSync(join(compiled, 'pull.mjs'), entry)
  }, 60_000)
  afterAll(() => rmSync(compiled, { recursive: true }))

  const start = () => {
    const child = spawn(process.execPath, [join(compiled, 'pull.mjs'), name, modelsDir], {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { PATH: process.env.PATH, HOME: modelsDir, HF_ENDPOINT: hub.endpoint },
    })
    return { child, ...collectOutput(child) }
  }
  /** Waits until a part of a large file is logged as written: what the hub has sent may still be on its way. */
  const partWritten = () =>
    until(() => {
      const folder = partialFolder(path())
      const logs = existsSync(folder) ? readdirSync(folder).filter((name) => name.endsWith('.part.log')) : []
      return logs.some((name) => readFileSync(join(folder, name), 'utf8').split('\n').length > 3)
    })

  test('says where the model is when it is done', async () => {
    const { code, stderr } = await start().ended
    expect(code).toBe(0)
    expect(stderr).toContain('tether: org/model: 8.2 MB to download')
    expect(stderr).toContain(`tether: org/model is in ${path()}; to use it: tether --model org/model`)
    expectWhole()
  })

  test('when killed leaves nothing that looks complete, and the next pull continues', async () => {
    hub.faults.slowMs = 15
    const { child, ended } = start()
    await partWritten()
    child.kill('SIGKILL')
    await ended
    expect(existsSync(path())).toBe(false)
    hub.faults.slowMs = 0
    const before = hub.sent()
    const again = await start().ended
    expect(again.code).toBe(0)
    expect(again.stderr).toMatch(/to download, [\d.]+ [KM]B already downloaded/)
    expect(hub.sent() - before).toBeLessThan(8.2e6)
    expectWhole()
  })

  test.each([
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const)('ends on %s and says how to continue', async (signal, status) => {
    hub.faults.slowMs = 15
    const { child, ended } = start()
    await partWritten()
    child.kill(signal)
    const { code, stderr } = await ended
    expect(code).toBe(status)
    expect(stderr).toMatch(/stopped; [\d.]+ [KM]B are kept; to continue: tether pull org\/model/)
    expect(existsSync(path())).toBe(false)
  })

  test('refuses to pull a model that another process is pulling', async () => {
    // Slow enough for a second process to start meanwhile.
    hub.faults.slowMs = 100
    const first = start()
    await partWritten()
    const { code, stderr } = await start().ended
    expect(code).toBe(1)
    expect(stderr).toContain(`org/model is being pulled already, by process ${first.child.pid}`)
    hub.faults.slowMs = 0
    expect((await first.ended).code).toBe(0)
    expectWhole()
  })
})
