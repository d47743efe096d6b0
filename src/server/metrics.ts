/**
 * GET /metrics: counters, gauges and histograms as Prometheus reads them (text format 0.0.4). Names, units and `_total`
 * follow its conventions. Labels have few values, whatever clients send.
 */
import type { DraftCount } from '../engine/types.js'
import type { ModelHouse } from './house-types.js'
import type { SeenModel } from './loading.js'
import type { LogLine } from './log.js'

export interface Metrics {
  /** Counts a request that is over. */
  observe(line: LogLine): void
  /** The text, with the models' own counters. */
  text(house: ModelHouse): string
}

const TYPE = 'text/plain; version=0.0.4; charset=utf-8'
/** What requests are counted by; every other path is `other`. */
const ROUTES = ['/v1/messages', '/v1/messages/count_tokens', '/v1/chat/completions', '/v1/responses', '/v1/completions']
/** Upper bounds in seconds. */
const SECONDS = [0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300]
const SECONDS_A_TOKEN = [0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1]

export function createMetrics(): Metrics {
  const requests = counter('tether_requests_total', 'Requests that are over, by route and status.')
  const latency = {
    first: histogram('tether_time_to_first_token_seconds', 'From a request to the first part of its answer.', SECONDS),
    token: histogram('tether_time_per_output_token_seconds', 'Between the tokens of an answer.', SECONDS_A_TOKEN),
    whole: histogram('tether_request_seconds', 'From a request to the last byte of its answer.', SECONDS),
  }
  return {
    observe({ path, status, ms, ttftMs, outputTokens = 0 }) {
      const route = ROUTES.includes(path) ? path : 'other'
      requests.add({ route, code: String(status) })
      if (route === 'other') return
      latency.whole.add(ms / 1000)
      if (ttftMs === undefined) return
      latency.first.add(ttftMs / 1000)
      if (outputTokens > 1) latency.token.add((ms - ttftMs) / 1000 / (outputTokens - 1))
    },
    text(house) {
      const parts = [
        requests.text(),
        ...Object.values(latency).map((one) => one.text()),
        ofProcess(),
        ...ofModels(house),
      ]
      return `${parts.filter((part) => part !== '').join('\n')}\n`
    },
  }
}

export function metrics(all: Metrics, house: ModelHouse): Response {
  return new Response(all.text(house), { headers: { 'content-type': TYPE } })
}

function ofProcess(): string {
  return gauge('process_resident_memory_bytes', 'Memory of the process.', [[{}, process.memoryUsage.rss()]])
}

/** Of several models each has its samples, with its name. One that was unloaded keeps its counters until it is loaded again. */
function ofModels(house: ModelHouse): string[] {
  type Shown = { name: string; isReady: boolean; model?: SeenModel }
  const models = house.all().flatMap(({ name, state }): Shown[] => {
    const model = state.state === 'ready' ? state.model : state.state === 'unloaded' ? state.seen : undefined
    if (model) return [{ name, isReady: state.state === 'ready', model }]
    return house.isOne ? [] : [{ name, isReady: false }]
  })
  if (models.length === 0) return [gauge('tether_ready', READY, [[{}, 0]])]
  const known = new Map<string, Series>()
  for (const { name, isReady, model } of models) {
    const labels: Labels = house.isOne ? {} : { model: name }
    const ready: Series = { type: 'gauge', metric: 'tether_ready', help: READY, samples: [[{}, isReady ? 1 : 0]] }
    for (const one of [ready, ...(model ? ofModel(model) : [])]) {
      const samples = one.samples.map(([own, value]): Sample => [{ ...labels, ...own }, value])
      const before = known.get(one.metric)
      if (before) before.samples.push(...samples)
      else known.set(one.metric, { ...one, samples })
    }
  }
  return [...known.values()].map(({ type, metric, help, samples }) => series(type, metric, help, samples))
}

const READY = 'Whether a model is loaded.'

function ofModel(model: SeenModel): Series[] {
  const { name, family, quantization, device, window } = model.info
  const stats = model.stats()
  const { memory, cache, tokensPerSecond } = stats
  const total = (metric: string, help: string, samples: Sample[]): Series => ({
    type: 'counter',
    metric,
    help,
    samples,
  })
  const gauge = (metric: string, help: string, samples: Sample[]): Series => ({ type: 'gauge', metric, help, samples })
  const { weights, kv, prefix, scratch, cache: freed, reserved } = memory
  const { live, memory: inMemory, disk } = cache.hitTokens
  const computed = stats.promptTokens - stats.cachedTokens
  return [
    gauge('tether_model_info', 'The loaded model.', [[{ model: name, family, quantization, device }, 1]]),
    gauge('tether_window_tokens', 'Tokens that a prompt and its answer may have.', [[{}, window]]),
    gauge('tether_requests_running', 'Requests that the engine computes.', [[{}, stats.live]]),
    gauge('tether_requests_waiting', 'Requests that wait for it.', [[{}, stats.queued]]),
    gauge('tether_longest_wait_seconds', 'How long the one of them that has waited longest has.', [
      [{}, stats.longestWait],
    ]),
    total('tether_prompt_tokens_total', 'Tokens of prompts, by where they were found.', [
      [{ source: 'computed' }, computed],
      [{ source: 'live' }, live],
      [{ source: 'memory' }, inMemory],
      [{ source: 'disk' }, disk],
    ]),
    total('tether_output_tokens_total', 'Tokens that were generated.', [[{}, stats.outputTokens]]),
    total('tether_constrained_tokens_total', 'Tokens that a grammar held.', [[{}, stats.constrainedTokens]]),
    total('tether_removed_probability_total', 'Probability of what grammars did not allow, summed over these tokens.', [
      [{}, stats.removedProbability],
    ]),
    total('tether_mask_seconds_total', 'Time in which it was found what these tokens may be.', [
      [{}, stats.maskSeconds],
    ]),
    total(
      'tether_drafted_tokens_total',
      'Tokens that were drafted and verified, by what drafted them and whether they were right.',
      [
        ...verified('lookup', stats.drafts.lookup),
        ...verified('forced', stats.drafts.forced),
        ...verified('drafter', stats.drafts.drafter),
      ],
    ),
    total('tether_decode_steps_total', 'Passes that generated, counted for each answer.', [[{}, stats.drafts.steps]]),
    total('tether_prefill_seconds_total', 'Time in which prompts were read, summed over requests.', [
      [{}, stats.prefillSeconds],
    ]),
    total('tether_decode_seconds_total', 'Time in which answers were generated, summed over requests.', [
      [{}, stats.decodeSeconds],
    ]),
    gauge('tether_tokens_per_second', 'Recent speed of all requests together.', [
      [{ stage: 'prefill' }, tokensPerSecond.prefill],
      [{ stage: 'decode' }, tokensPerSecond.decode],
    ]),
    gauge(
      'tether_memory_bytes',
      'Memory of the engine, by kind; `freed` is kept for reuse.',
      Object.entries({ weights, kv, prefix, scratch, freed }).map(([kind, bytes]) => [{ kind }, bytes]),
    ),
    gauge('tether_memory_reserved_bytes', 'The most that running requests may take.', [[{}, reserved]]),
    gauge('tether_prefix_cache_bytes', 'The prefix cache, by tier; on disk that of all models.', [
      [{ tier: 'memory' }, cache.memoryBytes],
      [{ tier: 'disk' }, cache.diskBytes],
    ]),
    total('tether_prefix_cache_records_total', 'Records of the prefix cache, by what happened to them.', [
      [{ event: 'written' }, cache.written],
      [{ event: 'read' }, cache.read],
      [{ event: 'evicted_memory' }, cache.evictedMemory],
      [{ event: 'evicted_disk' }, cache.evictedDisk],
      [{ event: 'damaged' }, cache.damaged],
    ]),
  ]
}

type Labels = Record<string, string>
type Sample = [labels: Labels, value: number]

interface Series {
  type: 'counter' | 'gauge'
  metric: string
  help: string
  samples: Sample[]
}

function verified(source: string, { drafted, accepted }: DraftCount): Sample[] {
  return [
    [{ source, held: 'true' }, accepted],
    [{ source, held: 'false' }, drafted - accepted],
  ]
}

function gauge(name: string, help: string, samples: Sample[]): string {
  return series('gauge', name, help, samples)
}

function series(type: 'counter' | 'gauge', name: string, help: string, samples: Sample[]): string {
  return [...head(type, name, help), ...samples.map(([labels, value]) => `${name}${written(labels)} ${value}`)].join(
    '\n',
  )
}

function head(type: string, name: string, help: string): string[] {
  return [`# HELP ${name} ${help}`, `# TYPE ${name} ${type}`]
}

function written(labels: Labels): string {
  const pairs = Object.entries(labels).map(([name, value]) => `${name}="${escaped(value)}"`)
  return pairs.length > 0 ? `{${pairs.join(',')}}` : ''
}

/** As the text format asks; other control characters could reach a terminal. */
function escaped(value: string): string {
  const known: Record<string, string> = { '\\': '\\\\', '"': '\\"', '\n': '\\n' }
  return value.replace(/["\\\p{Cc}]/gu, (character) => known[character] ?? '?')
}

function counter(name: string, help: string) {
  const counts = new Map<string, number>()
  return {
    add(labels: Labels) {
      const key = written(labels)
      counts.set(key, (counts.get(key) ?? 0) + 1)
    },
    text: () =>
      [...head('counter', name, help), ...[...counts].map(([labels, count]) => `${name}${labels} ${count}`)].join('\n'),
  }
}

function histogram(name: string, help: string, bounds: readonly number[]) {
  // The last has what is above all bounds.
  const counts = new Array<number>(bounds.length + 1).fill(0)
  let sum = 0
  return {
    add(value: number) {
      const at = bounds.findIndex((bound) => value <= bound)
      counts[at < 0 ? bounds.length : at] = (counts[at < 0 ? bounds.length : at] ?? 0) + 1
      sum += value
    },
    text() {
      let below = 0
      const lines = counts.map((count, i) => {
        below += count
        return `${name}_bucket{le="${bounds[i] ?? '+Inf'}"} ${below}`
      })
      return [...head('histogram', name, help), ...lines, `${name}_sum ${sum}`, `${name}_count ${below}`].join('\n')
    },
  }
}
