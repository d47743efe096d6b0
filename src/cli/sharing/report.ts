/** What a server says of itself to tether ps. */

import type { Model } from '../../index.js'
import { version } from '../package.js'
import type { ServePlan, ServerReport, Terminal } from './messages.js'

interface Reported {
  options: { plan: ServePlan; server: { url: string }; log: { path?: string } }
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
  const running = stats ? stats.live + stats.queued : 0
  return {
    pid: process.pid,
    version: version(),
    model: plan.found.name,
    path: plan.found.path,
    url: server.url,
    loading: stats ? undefined : host.fraction,
    started: host.started,
    // What a GPU holds need not count as resident.
    memory: { process: Math.max(process.memoryUsage.rss(), stats?.memory.active ?? 0), weights: stats?.memory.weights },
    terminals: host.terminals.map(({ pid, since, requests, outputTokens }) => ({ pid, since, requests, outputTokens })),
    requests: { running, ended: host.endedRequests },
    tokens: stats && { prompt: stats.promptTokens, cached: stats.cachedTokens, output: stats.outputTokens },
    idleSince: running > 0 ? undefined : new Date(host.lastUse).toISOString(),
    keepAlive: host.keepAlive < 0 ? null : host.keepAlive,
    log: log.path,
  }
}
