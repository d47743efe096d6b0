/** A server's side of what terminals say to it: who uses it, who is let in, and when it ends. */
import type { Model, Server } from '../../index.js'
import { weightsSize } from '../../models/models-dir.js'
import type { LogLine } from '../../server/serve.js'
import { deferred } from '../deferred.js'
import type { OpenLog } from '../log/open-log.js'
import { servedName } from '../serving/more-models.js'
import type { Ask, Left, ServePlan, ServerFacts, Terminal, ToTerminal } from './messages.js'
import { reportOf } from './report.js'
import { tellError } from './told-error.js'

export interface HostOptions {
  plan: ServePlan
  server: Pick<Server, 'url' | 'setKeys' | 'models' | 'load' | 'requests'>
  log: Pick<OpenLog, 'errors' | 'faults' | 'path'>
  /** Of the weights. */
  bytes: number
}

/** Why a server ends: somebody asked for it, its last terminal has left, or nobody used it for as long as keep_alive says. */
export type Ending = 'stopped' | 'unused' | 'idle'

/** What is known once the model is loaded. */
export type ReadyFacts = Omit<ServerFacts, 'terminals' | 'plan' | 'log'>

/** One that attached, with what was counted before it came. */
interface Attached extends Terminal {
  name: string
  key: string
  /** The one that it uses. Unset: the first. */
  model?: string
  errorsBefore: number
}

/** How often a terminal is told how far its model is. */
const progressMs = 250

/** Of setTimeout. */
const longestTimer = 2 ** 31 - 1

/** Seconds; below 0: for good. */
function keepAliveOf({ settings, launched }: Pick<ServePlan, 'settings' | 'launched'>): number {
  return settings.keepAlive ?? (launched ? 0 : -1)
}

export class Host {
  readonly keepAlive: number
  readonly started = new Date().toISOString()
  fraction = 0
  endedRequests = 0
  /** By performance.now(): a clock that is set anew ends no server, and keeps none. */
  lastUse = performance.now()
  /** Unset: it is loading. */
  model: Model | undefined
  private facts: ReadyFacts | undefined
  private readonly attached = new Map<ToTerminal, Attached>()
  /** Those that wait for the model, terminals and others. */
  private readonly waiting = new Set<ToTerminal>()
  private names = 0
  private isEnding = false
  private timer: NodeJS.Timeout | undefined
  private readonly ending = deferred<Ending>()

  constructor(readonly options: HostOptions) {
    this.keepAlive = keepAliveOf(options.plan)
  }

  /** When the server is to end. */
  get done(): Promise<Ending> {
    return this.ending.promise
  }

  get terminals(): Terminal[] {
    return [...this.attached.values()]
  }

  /** Hears what a terminal says from now on. */
  adopt(peer: ToTerminal): void {
    peer.onMessage((message) => this.hear(peer, message))
    void peer.closed.then(() => this.release(peer))
  }

  /** How much of the model is loaded, 0…1. */
  progress(fraction: number): void {
    this.fraction = fraction
    for (const peer of this.waiting) this.tellProgress(peer)
  }

  ready(model: Model, facts: ReadyFacts): void {
    this.model = model
    this.facts = facts
    this.lastUse = performance.now()
    for (const peer of this.waiting) this.tellReady(peer, facts)
    this.endWhenIdle()
  }

  failed(error: unknown): void {
    for (const peer of this.waiting) peer.send({ type: 'failed', error: tellError(error) })
  }

  /** A request is over. Those that only watch the server do not use it. */
  requestEnded({ key, path, outputTokens = 0 }: LogLine): void {
    if (!path.startsWith('/v1/')) return
    this.lastUse = performance.now()
    this.endedRequests++
    for (const terminal of this.attached.values()) {
      if (terminal.name !== key) continue
      terminal.requests++
      terminal.outputTokens += outputTokens
    }
  }

  /** Its terminals are told that nobody is to start it again. */
  stop(): void {
    for (const peer of new Set([...this.attached.keys(), ...this.waiting])) peer.send({ type: 'stopping' })
    this.end('stopped')
  }

  private hear(peer: ToTerminal, message: Ask): void {
    if (this.isEnding) {
      // Too late: who asks now sees the connection end, and looks for another server.
      peer.send({ type: 'ending' })
      return
    }
    switch (message.type) {
      case 'attach':
        this.attach(peer, message)
        break
      case 'watch':
        this.answer(peer)
        break
      case 'leave':
        this.leave(peer)
        break
      case 'report':
        peer.send({ type: 'report', report: reportOf(this) })
        break
      case 'stop':
        this.stop()
        break
    }
  }

  private attach(peer: ToTerminal, { key, pid, model }: Extract<Ask, { type: 'attach' }>): void {
    const counts = { requests: 0, outputTokens: 0, errorsBefore: this.options.log.errors() }
    const since = new Date().toISOString()
    this.attached.set(peer, { name: `terminal-${++this.names}`, key, pid, model, since, ...counts })
    try {
      this.showKeys()
      this.answer(peer)
    } catch (error) {
      // Its key cannot be one.
      this.attached.delete(peer)
      peer.send({ type: 'failed', error: tellError(error) })
    }
  }

  private answer(peer: ToTerminal): void {
    this.waiting.add(peer)
    if (this.facts) this.tellReady(peer, this.facts)
    else this.tellProgress(peer)
  }

  private tellProgress(peer: ToTerminal): void {
    peer.send({ type: 'loading', fraction: this.fraction, bytes: this.options.bytes })
  }

  private tellReady(peer: ToTerminal, facts: ReadyFacts): void {
    const { model } = this.attached.get(peer) ?? {}
    if (model === undefined) this.tellAttached(peer, facts)
    else void this.loadFor(peer, model, facts)
  }

  /** A model beside the first one, for a terminal that uses it. */
  private async loadFor(peer: ToTerminal, model: string, facts: ReadyFacts): Promise<void> {
    const leaving = new AbortController()
    void peer.closed.then(() => leaving.abort())
    const timer = setInterval(() => this.tellProgressOf(peer, model), progressMs)
    try {
      const info = await this.options.server.load(model, leaving.signal)
      if (this.waiting.has(peer)) this.tellAttached(peer, { ...facts, info })
    } catch (error) {
      peer.send({ type: 'failed', error: tellError(error) })
    } finally {
      clearInterval(timer)
    }
  }

  private tellProgressOf(peer: ToTerminal, model: string): void {
    const { plan, server } = this.options
    const { state, progress = 0 } = server.models().find(({ name }) => name === model) ?? {}
    const found = plan.more?.others.find((other) => servedName(other.found) === model)?.found
    if (state !== 'ready' && found) peer.send({ type: 'loading', fraction: progress, bytes: weightsSize(found.path) })
  }

  private tellAttached(peer: ToTerminal, facts: ReadyFacts): void {
    const { plan, log } = this.options
    peer.send({ type: 'attached', facts: { ...facts, log: log.path, terminals: this.attached.size, plan } })
    this.waiting.delete(peer)
  }

  private leave(peer: ToTerminal): void {
    const { log } = this.options
    const { outputTokens = 0, errorsBefore = 0 } = this.attached.get(peer) ?? {}
    const stays = this.keepAlive !== 0 || this.attached.size > 1
    const left: Left = { errors: log.errors() - errorsBefore, outputTokens, faults: log.faults(), stays }
    peer.send({ type: 'left', left })
    this.release(peer)
  }

  /** A terminal that was killed says nothing, but its connection is closed. */
  private release(peer: ToTerminal): void {
    const wasAttached = this.attached.delete(peer)
    const waited = this.waiting.delete(peer)
    if (!wasAttached && !waited) return
    this.lastUse = performance.now()
    if (wasAttached) this.showKeys()
    if (this.isUsed) return
    // What was started for a terminal that is gone need not be loaded first.
    const isForNobody = !this.model && this.options.plan.launched
    if (isForNobody || (wasAttached && this.keepAlive === 0)) this.end('unused')
    else this.endWhenIdle()
  }

  private end(why: Ending): void {
    this.isEnding = true
    this.ending.resolve(why)
  }

  private get isUsed(): boolean {
    return this.attached.size + this.waiting.size > 0
  }

  /** A key that the server has anyway stays when its terminal leaves. */
  private showKeys(): void {
    const { plan, server } = this.options
    const all = Object.values(plan.keys)
    const given = [...this.attached.values()].filter(({ key }) => !all.includes(key))
    server.setKeys({ ...plan.keys, ...Object.fromEntries(given.map(({ name, key }) => [name, key])) })
  }

  /** Looks again when it could be time, since requests come and go without a word. */
  private endWhenIdle(): void {
    clearTimeout(this.timer)
    if (this.keepAlive <= 0 || this.isUsed || !this.model) return
    const { server } = this.options
    const left =
      server.requests() > 0 ? this.keepAlive * 1000 : this.lastUse + this.keepAlive * 1000 - performance.now()
    if (left <= 0) this.end('idle')
    else this.timer = setTimeout(() => this.endWhenIdle(), Math.min(left, longestTimer)).unref()
  }
}
