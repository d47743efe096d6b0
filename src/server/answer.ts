/** A request for an answer, in any protocol: its events, as a stream or folded into one body. */
import { TetherError } from '../errors.js'
import type { LoadedModel } from '../model/types.js'
import { answerTurn } from '../turn/answer-turn.js'
import type { Held, Protocol } from '../turn/protocol.js'
import type { TurnPart, TurnStart } from '../turn/types.js'
import { type Blocks, blocksOf, joined } from './blocks.js'
import { type BodyReader, type HeldBody, jsonText } from './body.js'
import { clientOf, senderOf } from './client-of.js'
import { type LogLine, tell } from './log.js'
import { type OnOverflow, overflowFor } from './overflow.js'
import type { Preparing } from './preparing.js'
import type { Queue } from './queue.js'
import { readingOn } from './reading.js'
import { isRetry, type Retries } from './retries.js'
import { sse } from './sse.js'
import type { LastAnswer } from './status.js'
import { tapTurn } from './turn-tap.js'

/** What is known of a body. */
export interface AboutBody {
  /** Whether the request wants its answer as a stream. */
  stream: boolean
  /** The length of the body, and its digest in hexadecimal digits. */
  bytes: number
  sha256: string
}

export interface AnswerContext {
  queue: Queue
  retries: Retries
  bodies: BodyReader
  /** Unset: all requests are prepared on this thread. */
  preparing?: Preparing
  /** Levels that the JSON of a body may have. */
  maxDepth: number
  pingMs: number
  requestId: string
  /** The number by which the engine knows it. */
  label: number
  line: LogLine
  onOverflow: OnOverflow
  onBody?: (body: Uint8Array, about: AboutBody) => void
  onAnswer: (answer: LastAnswer) => void
}

/** Throws what is wrong with the request, before the engine is asked, so that it gets a status of its own. */
export async function answer<Event>(
  request: Request,
  model: LoadedModel,
  protocol: Protocol<Event>,
  context: AnswerContext,
): Promise<Response> {
  const started = performance.now()
  const body = await context.bodies.read(request)
  const reader = new AbortController()
  let parts: AsyncGenerator<TurnPart, void, undefined> | undefined
  const leave = () => {
    reader.abort()
    // Also ends a turn whose parts nobody reads any more.
    void parts?.return().catch(() => {})
  }
  let start: TurnStart
  let over = (_answered: boolean) => {}
  let held: Held<Event> | undefined
  try {
    const { path, key } = context.line
    const same = { path, key, headers: request.headers, body: body.sha256 }
    const noted = await context.retries.enter(same, { isRetry: isRetry(request.headers), leave })
    over = noted.over
    const signal = AbortSignal.any([request.signal, reader.signal])
    held = protocol.hold?.(body, { maxDepth: context.maxDepth })
    const whole = held ? blocksOf([joined([held.body])]) : body
    const turn = await enterTurn(request, { body: whole, model, protocol, context, signal })
    over = (answered) => {
      turn.leaveQueue()
      noted.over(answered)
    }
    const { line, onAnswer } = context
    parts = tapTurn(turn.parts, { line, started, stopReason: protocol.stopReason, onAnswer, onEnd: over })
    start = await readStart(parts)
    tell(() => context.onBody?.(body.whole(), aboutBody(body, start)))
  } catch (error) {
    over(false)
    tell(() => context.onBody?.(body.whole(), aboutBody(body, { stream: false })))
    throw error
  } finally {
    body.release()
  }
  const answered = protocol.toEvents(resume(start, parts))
  const events = held?.keep(answered) ?? answered
  // Once the first event is read, ending the events ends the turn too.
  const first = await events.next()
  if (first.done) throw new TetherError('internal', 'an answer ended before it began')
  if (!start.stream) return withNotes(jsonText(await protocol.foldText(resume(first.value, events))), start)
  const { pingMs, requestId } = context
  const stream = sse(first.value, events, { protocol, pingMs, requestId, leave })
  const headers = { 'content-type': 'text/event-stream; charset=utf-8', 'cache-control': 'no-cache' }
  return withNotes(new Response(stream, { headers }), start)
}

function aboutBody({ length, sha256 }: HeldBody, { stream }: { stream: boolean }): AboutBody {
  return { stream, bytes: length, sha256 }
}

interface Entering<Event> {
  body: Blocks
  model: LoadedModel
  protocol: Protocol<Event>
  context: AnswerContext
  signal: AbortSignal
}

/** Takes a place in the queue, and gives the turn that has it. */
async function enterTurn<Event>(
  request: Request,
  { body, model, protocol, context, signal }: Entering<Event>,
): Promise<{ parts: AsyncGenerator<TurnPart, void, undefined>; leaveQueue: () => void }> {
  const { queue, maxDepth, line } = context
  const reading = readingOn(context.preparing, signal)
  const onOverflow = overflowFor(context.onOverflow, request.headers.get('user-agent'))
  // A request that can never succeed must not be told to try again later.
  const sender = senderOf(request, line.key)
  if (queue.isFull(sender)) await reading.check(protocol, body, { maxDepth })
  const leaveQueue = queue.enter(sender)
  const parts = answerTurn(
    model.turns,
    (prompter, options) => reading.prepare(protocol, prompter, body, { ...options, onOverflow, maxDepth }),
    {
      signal,
      label: context.label,
      received: () => protocol.requestIn(body.whole(), { maxDepth }),
      clientOf: clientOf(request, line.key),
      onInvalidToolInput: ({ tool, reason }) => {
        line.invalidToolInputs = [...(line.invalidToolInputs ?? []), `${tool}: ${reason}`]
      },
      onUnheld: (reason) => {
        line.unheld = [...(line.unheld ?? []), reason]
      },
    },
  )
  return { parts, leaveQueue }
}

/** Throws what is wrong with the request. */
async function readStart(parts: AsyncGenerator<TurnPart, void, undefined>): Promise<TurnStart> {
  const { value } = await parts.next()
  if (value?.type === 'start') return value
  throw new TetherError('internal', 'a turn did not begin with its start')
}

/** The first item again, then the rest. Ending this ends `rest`, even while it still waits at the first item. */
async function* resume<T>(first: T, rest: AsyncGenerator<T, void, undefined>): AsyncGenerator<T, void, undefined> {
  try {
    yield first
    yield* rest
  } finally {
    await rest.return()
  }
}

/** Says what of the request did not reach the model. */
function withNotes(response: Response, { dropped, ignoredTools, ignoredFields }: TurnStart): Response {
  if (ignoredFields) response.headers.set('warning', `299 tether "no effect here: ${quoted(ignoredFields)}"`)
  if (ignoredTools) response.headers.set('tether-ignored-tools', headerText(ignoredTools.join(', ')))
  if (!dropped) return response
  response.headers.set('tether-dropped-messages', String(dropped.messages))
  response.headers.set('tether-dropped-tokens', String(dropped.tokens))
  return response
}

function quoted(names: string[]): string {
  return headerText(names.join(', ')).replace(/["\\]/g, '?')
}

/** Text of a request, as a header may hold it. */
function headerText(text: string): string {
  return text.replace(/[^\x20-\x7e]/g, '?').slice(0, 1000)
}
