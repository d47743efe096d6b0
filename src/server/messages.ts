/** POST /v1/messages: the events of an answer, as a stream or folded into one body. */
import { type Request, Response } from 'undici'
import { fold } from '../anthropic/fold.js'
import { requireModel } from '../anthropic/parse.js'
import { TetherError } from '../errors.js'
import type { Model } from '../model/types.js'
import { json, readJson } from './body.js'
import { type LogLine, note } from './log.js'
import { type OnOverflow, overflowFor } from './overflow.js'
import type { Queue } from './queue.js'
import { sse } from './sse.js'
import type { AnswerRecord } from './status.js'

export interface MessagesContext {
  queue: Queue
  answers: AnswerRecord
  pingMs: number
  requestId: string
  line: LogLine
  onOverflow: OnOverflow
}

/** What is wrong with a request is thrown, so that it gets a status of its own; the engine's work begins after that. */
export async function messages(
  request: Request,
  model: Model,
  { queue, answers, pingMs, requestId, line, onOverflow }: MessagesContext,
): Promise<Response> {
  const started = performance.now()
  const ask = await readJson(request)
  requireModel(ask)
  const run = new AbortController()
  const leave = () => run.abort()
  if (request.signal.aborted) leave()
  request.signal.addEventListener('abort', leave, { once: true })

  const headers: Record<string, string> = {}
  const answer = model.stream(ask, {
    signal: run.signal,
    onOverflow: overflowFor(onOverflow, request.headers.get('user-agent')),
    onDropped: ({ messages, tokens }) => {
      line.dropped = { messages, tokens }
      headers['tether-dropped-messages'] = String(messages)
      headers['tether-dropped-tokens'] = String(tokens)
    },
    onMisfit: ({ tool, reason }) => {
      line.misfits = [...(line.misfits ?? []), `${tool}: ${reason}`]
    },
  })
  const watched = answers.watch(queue.admit(answer), () => model.stats())
  const events = note(watched, line, started)
  if (!wantsStream(ask)) return withHeaders(json(await fold(events)), headers)
  const first = await events.next()
  if (first.done) throw new TetherError('internal', 'an answer ended before it began')
  const stream = new Response(sse(first.value, events, { pingMs, requestId, leave }), {
    headers: { 'content-type': 'text/event-stream; charset=utf-8', 'cache-control': 'no-cache' },
  })
  return withHeaders(stream, headers)
}

function withHeaders(response: Response, headers: Record<string, string>): Response {
  for (const [name, value] of Object.entries(headers)) response.headers.set(name, value)
  return response
}

function wantsStream(ask: unknown): boolean {
  return typeof ask === 'object' && ask !== null && 'stream' in ask && ask.stream === true
}
