/** A server's side of what terminals say: who is let in, what they are told, and when it ends. */
import { describe, expect, test, vi } from 'vitest'
import type { Settings } from '../../../src/cli/config/settings-table.js'
import { Host } from '../../../src/cli/sharing/host.js'
import type { Ask, ServePlan, Tell, ToTerminal } from '../../../src/cli/sharing/messages.js'
import type { Model, ModelInfo } from '../../../src/index.js'

/** A terminal as the server sees it. */
function makeTerminal() {
  const told: Tell[] = []
  let hear: ((message: Ask) => void) | undefined
  let close = () => {}
  const closed = new Promise<void>((resolve) => {
    close = resolve
  })
  const peer: ToTerminal = {
    send: (message) => void told.push(message),
    onMessage: (listener) => {
      hear = listener
    },
    closed,
    end: () => {},
  }
  return {
    peer,
    told,
    types: () => told.map(({ type }) => type),
    ask: (message: Ask) => hear?.(message),
    /** As when its process is killed. */
    async die() {
      close()
      await closed
      await Promise.resolve()
    },
  }
}

interface MakeHost extends Partial<ServePlan> {
  keepAlive?: number
  loading?: (name: string) => Promise<ModelInfo>
}

function makeHost(more: MakeHost = {}) {
  const { keepAlive, loading = async (name) => ({ name, window: 50 }) as ModelInfo, ...plan } = more
  const keys: Record<string, string>[] = []
  const requests = { running: 0 }
  const stats = { live: 0, queued: 0, promptTokens: 7, cachedTokens: 3, outputTokens: 5, memory: { weights: 9 } }
  const info = { name: 'demo', window: 100 } as ModelInfo
  const model = { info, stats: () => stats } as unknown as Model
  const host = new Host({
    plan: {
      found: { name: 'demo', path: '/demo', isDemo: true },
      settings: { keepAlive } as Settings,
      keys: { default: 'first' },
      portFixed: false,
      launched: true,
      detached: true,
      argv: [],
      ...plan,
    },
    server: {
      url: 'http://127.0.0.1:8080',
      setKeys(now) {
        if (Object.values(now).includes('no key')) throw new Error('that is no key')
        keys.push({ ...now })
      },
      models() {
        const { live, queued, promptTokens: prompt, cachedTokens: cached, outputTokens: output } = stats
        const tokens = { prompt, cached, output }
        const none = { live: 0, queued: 0, weights: 0, prefix: 0, tokens: { prompt: 0, cached: 0, output: 0 } }
        return [
          { name: 'demo', state: 'ready', live, queued, weights: 9, prefix: 0, tokens },
          { name: 'second', state: 'loading', progress: 0.5, ...none },
        ]
      },
      load: (name) => loading(name),
      requests: () => requests.running,
    },
    log: { errors: () => 2, faults: () => ['a fault'], path: '/log' },
    bytes: 1000,
  })
  const ready = () => host.ready(model, { pid: 1, url: 'http://127.0.0.1:8080', info, seconds: 1 })
  let ending: string | undefined
  void host.done.then((why) => {
    ending = why
  })
  const attach = (key: string, model?: string) => {
    const terminal = makeTerminal()
    host.adopt(terminal.peer)
    terminal.ask({ type: 'attach', key, pid: 4, model })
    return terminal
  }
  const settled = () => new Promise((resolve) => setImmediate(resolve))
  return { host, ready, attach, keys: () => keys.at(-1), requests, ending: () => settled().then(() => ending) }
}

const line = (key: string, path = '/v1/messages') => ({
  method: 'POST',
  path,
  status: 200,
  ms: 1,
  key,
  outputTokens: 5,
})

describe('a terminal', () => {
  test('is told how far the load is, and then of the server', () => {
    const { host, ready, attach } = makeHost()
    const terminal = attach('mine')
    host.progress(0.5)
    ready()
    expect(terminal.types()).toEqual(['loading', 'loading', 'attached'])
    expect(terminal.told[1]).toEqual({ type: 'loading', fraction: 0.5, bytes: 1000 })
    expect(terminal.told[2]).toMatchObject({ facts: { terminals: 1, log: '/log', info: { name: 'demo' } } })
    expect(attach('other').types()).toEqual(['attached'])
  })

  test('of another model than the first is told of that one, once it is loaded', async () => {
    vi.useFakeTimers()
    try {
      let loaded = (_: ModelInfo) => {}
      const second = { found: { name: 'second', path: '/none', isDemo: false }, settings: {} as Settings }
      const { host, ready, attach, keys } = makeHost({
        more: { others: [second] },
        loading: () => new Promise((resolve) => (loaded = resolve)),
      })
      const terminal = attach('mine', 'second')
      expect([terminal.types(), keys()]).toEqual([['loading'], { default: 'first', 'terminal-1': 'mine' }])
      ready()
      await vi.advanceTimersByTimeAsync(300)
      expect(terminal.told.slice(1)).toEqual([{ type: 'loading', fraction: 0.5, bytes: 0 }])
      loaded({ name: 'second', window: 50 } as ModelInfo)
      await vi.advanceTimersByTimeAsync(600)
      expect(terminal.told.slice(2)).toMatchObject([{ type: 'attached', facts: { info: { name: 'second' } } }])
      expect(host.terminals).toHaveLength(1)
    } finally {
      vi.useRealTimers()
    }
  })

  test('is told why its model cannot be loaded, and others go on', async () => {
    const { ready, attach, ending } = makeHost({ loading: () => Promise.reject(new Error('it is damaged')) })
    ready()
    const [one, two] = [attach('one'), attach('two', 'second')]
    expect(await ending()).toBeUndefined()
    expect(two.told).toMatchObject([{ type: 'failed', error: { message: 'it is damaged' } }])
    expect(one.types()).toEqual(['attached'])
  })

  test('is told why the load failed', () => {
    const { host, attach } = makeHost()
    const terminal = attach('mine')
    host.failed(new Error('no such file'))
    expect(terminal.told.at(-1)).toMatchObject({ type: 'failed', error: { message: 'no such file' } })
  })

  test('has its key let in until it leaves or dies, beside the first one', async () => {
    const { ready, attach, keys } = makeHost()
    ready()
    const [one, two] = [attach('one'), attach('two')]
    expect(keys()).toEqual({ default: 'first', 'terminal-1': 'one', 'terminal-2': 'two' })
    one.ask({ type: 'leave' })
    expect(keys()).toEqual({ default: 'first', 'terminal-2': 'two' })
    await two.die()
    expect(keys()).toEqual({ default: 'first' })
  })

  test('may have the key that the server has anyway, which stays', async () => {
    const { ready, attach, keys } = makeHost()
    ready()
    const terminal = attach('first')
    expect(keys()).toEqual({ default: 'first' })
    await terminal.die()
    expect(keys()).toEqual({ default: 'first' })
  })

  test('is refused with a key that cannot be one, and changes nothing', () => {
    const { host, ready, attach, keys } = makeHost()
    ready()
    attach('one')
    const wrong = attach('no key')
    expect(wrong.told).toMatchObject([{ type: 'failed', error: { message: 'that is no key' } }])
    expect([keys(), host.terminals.length]).toEqual([{ default: 'first', 'terminal-1': 'one' }, 1])
  })

  test('hears at its end what was generated for it, and whether the server stays', () => {
    const { host, ready, attach } = makeHost()
    ready()
    const [one, two] = [attach('one'), attach('two')]
    host.requestEnded(line('terminal-1'))
    host.requestEnded(line('terminal-1', '/status'))
    host.requestEnded(line('terminal-2'))
    one.ask({ type: 'leave' })
    expect(one.told.at(-1)).toEqual({
      type: 'left',
      left: { errors: 0, outputTokens: 5, faults: ['a fault'], stays: true },
    })
    two.ask({ type: 'leave' })
    expect(two.told.at(-1)).toMatchObject({ left: { stays: false } })
  })

  test('is told that the server stops, so that it starts no other', async () => {
    const { ready, attach, ending } = makeHost()
    ready()
    const terminal = attach('one')
    attach('two').ask({ type: 'stop' })
    expect(terminal.types()).toEqual(['attached', 'stopping'])
    expect(await ending()).toBe('stopped')
  })
})

describe('a server', () => {
  test('that was launched ends with its last terminal', async () => {
    const { ready, attach, ending } = makeHost()
    ready()
    const [one, two] = [attach('one'), attach('two')]
    await one.die()
    expect(await ending()).toBeUndefined()
    two.ask({ type: 'leave' })
    expect(await ending()).toBe('unused')
  })

  test('that was launched ends while it loads if nobody waits for it', async () => {
    const { attach, ending } = makeHost()
    await attach('one').die()
    expect(await ending()).toBe('unused')
  })

  test('that serves stays without terminals', async () => {
    const { ready, attach, ending } = makeHost({ launched: false })
    const terminal = attach('one')
    await terminal.die()
    ready()
    await attach('two').die()
    expect(await ending()).toBeUndefined()
  })

  test('with a keep_alive ends once nobody has used it for that long', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'Date', 'performance'] })
    try {
      const { host, ready, attach, requests, ending } = makeHost({ keepAlive: 60 })
      ready()
      const terminal = attach('one')
      await vi.advanceTimersByTimeAsync(300_000)
      terminal.ask({ type: 'leave' })
      await vi.advanceTimersByTimeAsync(50_000)
      host.requestEnded(line('default'))
      await vi.advanceTimersByTimeAsync(50_000)
      requests.running = 1
      await vi.advanceTimersByTimeAsync(50_000)
      expect(await ending()).toBeUndefined()
      requests.running = 0
      await vi.advanceTimersByTimeAsync(130_000)
      expect(await ending()).toBe('idle')
    } finally {
      vi.useRealTimers()
    }
  })

  test.each([-86_400_000, 86_400_000])('ends as late as before if the clock is set by %d ms', async (change) => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'Date', 'performance'] })
    try {
      const { ready, ending } = makeHost({ keepAlive: 60, launched: false })
      ready()
      vi.setSystemTime(Date.now() + change)
      await vi.advanceTimersByTimeAsync(59_000)
      expect(await ending()).toBeUndefined()
      await vi.advanceTimersByTimeAsync(2000)
      expect(await ending()).toBe('idle')
    } finally {
      vi.useRealTimers()
    }
  })

  test('reports what it is and who uses it, without keys', () => {
    const { ready, attach, host } = makeHost()
    ready()
    attach('secret')
    host.requestEnded(line('terminal-1'))
    const other = makeTerminal()
    host.adopt(other.peer)
    other.ask({ type: 'report' })
    expect(other.told).toMatchObject([
      {
        report: {
          ...{ model: 'demo', path: '/demo', keepAlive: 0, requests: { running: 0, ended: 1 } },
          tokens: { prompt: 7, cached: 3, output: 5 },
          terminals: [{ pid: 4, requests: 1, outputTokens: 5 }],
        },
      },
    ])
    expect(JSON.stringify(other.told)).not.toMatch(/secret|first/)
  })
})
