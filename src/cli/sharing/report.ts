/** What a server says of itself to tether ps. */

import type { Model, Server } from '../../index.js'
import { version } from '../package.js'
import type { ServePlan, ServerReport, Terminal } from './messages.js'

interface Reported {
  options: { plan: ServePlan; server: Pick<Server, 'url' | 'models' | 'requests'>; log: { path?: string } }
  model: Model | undefined
  terminals: Terminal[]
  started: string
  fraction: number
  endedRequests: number
  lastUse: number
  keepAlive: number
}

export function reportOf(host: Reported): ServerReport {
  const { plan, server, log } = host.options
  const stats = host.model?.stats()
  const models = server.models()
  return {
    pid: process.pid,
    version: version(),
    model: plan.found.name,
    path: plan.found.path,
    url: server.url,
    models: models.length > 1 ? models : undefined,
    loading: stats ? undefined : host.fraction,
    started: host.started,
    // What a GPU holds need not count as resident.
    memory: {
      process: Math.max(process.memoryUsage.rss(), stats?.memory.active ?? 0),
      weights: stats && models.reduce((sum, { weights }) => sum + weights, 0),
    },
    terminals: host.terminals.map(({ pid, since, requests, outputTokens }) => ({ pid, since, requests, outputTokens })),
    requests: { running: server.requests(), ended: host.endedRequests },
    tokens: stats && models.reduce((sum, { tokens }) => addTokens(sum, tokens), { prompt: 0, cached: 0, output: 0 }),
    idleSince: server.requests() > 0 ? undefined : idleSince(host),
    keepAlive: host.keepAlive < 0 ? null : host.keepAlive,
    log: log.path,
  }
}

function idleSince({ lastUse }: Pick<Reported, 'lastUse'>): string {
  return new Date(Date.now() - (performance.now() - lastUse)).toISOString()
}

type Tokens = NonNullable<ServerReport['tokens']>

function addTokens(one: Tokens, other: Tokens): Tokens {
  return { prompt: one.prompt + other.prompt, cached: one.cached + other.cached, output: one.output + other.output }
}
