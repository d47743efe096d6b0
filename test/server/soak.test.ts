/**
 * A server under small caps of memory and disk, with conversations, subagents, titles and clients that leave: caps hold, and
 * its memory does not grow. npm run soak takes half an hour.
 */
import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync, statSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect, onTestFinished, test } from 'vitest'
import { type Random, seeded } from '../support/random.mjs'

const SECONDS = Number(process.env.TETHER_SOAK_SECONDS ?? 12)
const MEMORY_CAP = 60e6
const DISK_CAP = 10e6
/** In a short run, what Node and the allocators set up first counts. */
const MOST_GROWTH = SECONDS >= 600 ? 1.05 : 1.3

interface Usage {
  input_tokens: number
  cache_read_input_tokens: number
  cache_creation_input_tokens: number
}
interface Talk {
  next(): object
  answered(content: object[]): void
}
const { conversation, titleRequest } = (await import('../../bench/replay/conversations.mjs' as string)) as {
  conversation(options: object): Talk
  titleRequest(seed: number): object
}
const { sendMessages } = (await import('../../bench/replay/client.mjs' as string)) as {
  sendMessages(url: string, request: object): Promise<{ content: object[]; usage: Usage }>
}

/** Starts the command in a home of its own. */
async function startServer() {
  const home = await mkdtemp(join(tmpdir(), 'tether-soak-'))
  onTestFinished(() => rm(home, { recursive: true, force: true }))
  const caps = ['--memory-cap', String(MEMORY_CAP), '--disk-cache', String(DISK_CAP), '--max-context', '16000']
  const args = ['bin/tether.mjs', '--serve-only', '--model', 'demo', '--port', '0', ...caps]
  const child = spawn(process.execPath, args, {
    env: { ...process.env, HOME: home },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  onTestFinished(() => void child.kill('SIGKILL'))
  let said = ''
  const url = await new Promise<string>((resolve, reject) => {
    for (const stream of [child.stdout, child.stderr]) {
      createInterface({ input: stream }).on('line', (line) => {
        said += `${line}\n`
        const ready = /ready at (http:\S+)/.exec(line)?.[1]
        if (ready) resolve(ready)
      })
    }
    child.on('exit', () => reject(new Error(`the server ended: ${said}`)))
  })
  return { child, url, kept: join(home, '.tether', 'cache', 'prefixes'), said: () => said }
}

/** Bytes of the records, which the cap is about, and the names of everything else. */
function filesOf(kept: string): { bytes: number; others: string[] } {
  const names = readdirSync(kept, { recursive: true, encoding: 'utf8' })
  const records = names.filter((name) => /\.(?:full|sliding)$/.test(name))
  const sizes = records.map((name) => statSync(join(kept, name), { throwIfNoEntry: false })?.size ?? 0)
  const others = names.filter(
    (name) => !records.includes(name) && statSync(join(kept, name), { throwIfNoEntry: false })?.isFile(),
  )
  return { bytes: sizes.reduce((a, b) => a + b, 0), others }
}

const rss = (pid: number) => 1024 * Number(execFileSync('ps', ['-o', 'rss=', '-p', String(pid)], { encoding: 'utf8' }))
const median = (numbers: number[]) => numbers.toSorted((a, b) => a - b)[numbers.length >> 1] as number
const mega = (bytes: number) => Number((bytes / 1e6).toFixed(1))

/** One user: sessions that end after some turns, with titles and subagents between them, and requests that are given up. */
async function user(url: string, random: Random, ends: () => boolean, count: (usage: Usage) => void): Promise<void> {
  const session = (kind: number) =>
    conversation({ seed: random.below(1e6), share: 0.05, growth: 300 + random.below(600), kind, longest: 12 })
  let main = session(0)
  for (let turn = 1; !ends(); turn++) {
    if (turn % (4 + random.below(12)) === 0) main = session(0)
    const { content, usage } = await sendMessages(url, main.next())
    count(usage)
    main.answered(content)
    if (random.chance(0.2)) count((await sendMessages(url, titleRequest(random.below(1e6)))).usage)
    if (random.chance(0.2)) {
      const subagents = [1, 1 + random.below(2)].map(session)
      const answers = await Promise.all(subagents.map((one) => sendMessages(url, one.next())))
      for (const answer of answers) count(answer.usage)
    }
    if (random.chance(0.15)) await leave(url, (random.chance(0.5) ? main : session(0)).next(), random.below(60))
  }
}

async function leave(url: string, request: object, after: number): Promise<void> {
  const signal = AbortSignal.timeout(after)
  const init = {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(request),
    signal,
  }
  await fetch(`${url}/v1/messages`, init)
    .then((response) => response.text())
    .catch(() => undefined)
}

test(
  `a server under small caps keeps them for ${SECONDS} s, and does not grow`,
  async () => {
    const { child, url, kept, said } = await startServer()
    const until = performance.now() + 1000 * SECONDS
    const most = { disk: 0, memory: 0 }
    // A slow machine takes longer to fill the disk.
    const ends = () => performance.now() > until && most.disk > DISK_CAP / 2
    const sum = { requests: 0, prompt: 0, reused: 0 }
    const count = (usage: Usage) => {
      sum.requests++
      sum.reused += usage.cache_read_input_tokens
      sum.prompt += usage.input_tokens + usage.cache_read_input_tokens + usage.cache_creation_input_tokens
    }
    const users = [1, 2, 3].map((seed) => user(url, seeded(seed), ends, count))
    const samples: number[] = []
    const watching = (async () => {
      for (let shown = performance.now(); !ends(); ) {
        await sleep(SECONDS > 100 ? 1000 : 200)
        samples.push(rss(child.pid as number))
        most.disk = Math.max(most.disk, filesOf(kept).bytes)
        const { cache } = (await (await fetch(`${url}/status`)).json()) as { cache: { memoryBytes: number } }
        most.memory = Math.max(most.memory, cache.memoryBytes)
        if (SECONDS < 100 || performance.now() - shown < 60_000) continue
        shown = performance.now()
        console.log({ ...sum, rss: mega(samples.at(-1) as number), disk: mega(filesOf(kept).bytes) })
      }
    })()
    await Promise.all([...users, watching])
    const quarter = (i: number) => median(samples.slice((i * samples.length) / 4, ((i + 1) * samples.length) / 4))
    const quarters = [0, 1, 2, 3].map(quarter)
    if (SECONDS > 100)
      console.log({ ...sum, quarters: quarters.map(mega), disk: mega(most.disk), memory: mega(most.memory) })
    expect(most.disk).toBeLessThanOrEqual(DISK_CAP)
    expect(most.memory).toBeLessThanOrEqual(MEMORY_CAP / 2)
    expect(sum.reused / sum.prompt).toBeGreaterThan(0.3)
    expect((quarters[3] as number) / (quarters[1] as number), quarters.map(mega).join(', ')).toBeLessThan(MOST_GROWTH)
    child.kill('SIGTERM')
    await once(child, 'exit')
    const names = filesOf(kept).others.filter(
      (name) => !/\/(?:about\.json|turns\.bin|first-[0-9a-f]{32}\.bin)$/.test(name),
    )
    expect(names).toEqual([])
    expect(said()).not.toMatch(/damaged|cannot be written/)
  },
  60_000 + 1000 * SECONDS,
)
