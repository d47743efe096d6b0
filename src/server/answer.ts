/** A request for an answer, in any protocol: its events, as a stream or folded into one body. */
import { messageOf, TetherError } from '../errors.js'
import { answerTurn } from '../turn/answer-turn.js'
import type { Held, Protocol } from '../turn/protocol.js'
import type { TurnPart, TurnStart } from '../turn/types.js'
import { within } from '../within.js'
import { type Blocks, blocksOf, joined } from './blocks.js'
import { type BodyReader, type HeldBody, jsonText } from './body.js'
import { clientOf, senderOf } from './client-of.js'
import type { ModelHouse } from './house-types.js'
import { type LogLine, tell } from './log.js'
import { type OnOverflow, overflowFor } from './overflow.js'
import type { Queue } from './queue.js'
import { readingOn } from './reading.js'
import { isRetry, type Retries } from './retries.js'
import { scanMembers } from './scan-members.js'
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

/** A request that is being answered. */
interface Asking<Event> {
  request: Request
  house: ModelHouse
  protocol: Protocol<Event>
  context: AnswerContext
  /** By performance.now(). */
  started: number
  body: HeldBody
  /** The name of the model that it asks for, as far as there are several. */
  named: string | undefined
  leaving: Leaving
}

/** Ends a turn whose parts nobody reads any more. */
interface Leaving {
  reader: AbortController
  parts?: AsyncGenerator<TurnPart, void, undefined>
}

interface Begun<Event> {
  start: TurnStart
  first: Event
  rest: AsyncGenerator<Event, void, undefined>
}

/**
 * Throws what is wrong with the request, before the engine is asked, so that it gets a status of its own. A stream whose
 * model is still being loaded begins with pings; what is wrong then ends it.
 */
export async function answer<Event>(
  request: Request,
  house: ModelHouse,
  protocol: Protocol<Event>,
  context: AnswerContext,
): Promise<Response> {
  const started = performance.now()
  const body = await context.bodies.read(request)
  const leaving: Leaving = { reader: new AbortController() }
  const leave = leaveBy(leaving)
  const { model, stream: streams } = house.isOne ? {} : await scanMembers(body.list(), ['model', 'stream'])
  const named = typeof model === 'string' ? model : undefined
  const begun = begin({ request, house, protocol, context, started, body, named, leaving })
  const { pingMs, requestId, line } = context
  const stream = (events: AsyncGenerator<Event, void, undefined>, left = leave) => {
    const headers = { 'content-type': 'text/event-stream; charset=utf-8', 'cache-control': 'no-cache' }
    return new Response(sse(events, { protocol, pingMs, requestId, signal: request.signal, leave: left }), { headers })
  }
  if (streams === true && !(await settlesWithin(pingMs, begun))) {
    return stream(eventsOf(begun, line), () => {
      leave()
      // Its events may never have been asked for.
      begun.then(({ rest }) => rest.return()).catch(() => {})
    })
  }
  const { start, first, rest } = await begun
  if (!start.stream) return withNotes(jsonText(await protocol.foldText(resume(first, rest))), start)
  return withNotes(stream(resume(first, rest)), start)
}

function leaveBy(leaving: Leaving): () => void {
  return () => {
    leaving.reader.abort()
    void leaving.parts?.return().catch(() => {})
  }
}

/** Takes a place, waits for the model, prepares the prompt, and gives the first event. */
async function begin<Event>(asking: Asking<Event>): Promise<Begun<Event>> {
  const { request, protocol, context, started, body, leaving } = asking
  let start: TurnStart
  let parts: AsyncGenerator<TurnPart, void, undefined>
  let over = (_answered: boolean) => {}
  let held: Held<Event> | undefined
  try {
    const { path, key } = context.line
    const same = { path, key, headers: request.headers, body: body.sha256 }
    const noted = await context.retries.enter(same, { isRetry: isRetry(request.headers), leave: leaveBy(leaving) })
    over = noted.over
    const signal = AbortSignal.any([request.signal, leaving.reader.signal])
    held = protocol.hold?.(body, { maxDepth: context.maxDepth })
    const whole = held ? blocksOf([joined([held.body])]) : body
    const turn = await enterTurn(asking, whole, signal)
    over = (answered) => {
      turn.leave()
      noted.over(answered)
    }
    const { line, onAnswer } = context
    parts = tapTurn(turn.parts, { line, started, stopReason: protocol.stopReason, onAnswer, onEnd: over })
    leaving.parts = parts
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
  const rest = held?.keep(answered) ?? answered
  // Once the first event is read, ending the events ends the turn too.
  const first = await rest.next()
  if (first.done) throw new TetherError('internal', 'an answer ended before it began')
  return { start, first: first.value, rest }
}

/** The events of an answer that has not begun. */
async function* eventsOf<Event>(begun: Promise<Begun<Event>>, line: LogLine): AsyncGenerator<Event, void, undefined> {
  try {
    const { first, rest } = await begun
    yield* resume(first, rest)
  } catch (error) {
    line.error ??= messageOf(error)
    throw error
  }
}

/** Its failure counts as handled. */
async function settlesWithin(ms: number, work: Promise<unknown>): Promise<boolean> {
  const settled = work.then(
    () => true,
    () => true,
  )
  return (await within(ms, settled)) ?? false
}

function aboutBody({ length, sha256 }: HeldBody, { stream }: { stream: boolean }): AboutBody {
  return { stream, bytes: length, sha256 }
}

/** Takes a place in the queue, and gives the turn that has it, once its model is loaded. */
async function enterTurn<Event>(
  { request, house, protocol, context, named }: Asking<Event>,
  body: Blocks,
  signal: AbortSignal,
): Promise<{ parts: AsyncGenerator<TurnPart, void, undefined>; leave: () => void }> {
  const { queue, maxDepth, line } = context
  const onOverflow = overflowFor(context.onOverflow, request.headers.get('user-agent'))
  // A request that can never succeed must not be told to try again later.
  const sender = senderOf(request, line.key)
  if (queue.isFull(sender)) await readingOn(house.preparing(), signal).check(protocol, body, { maxDepth })
  const leaveQueue = queue.enter(sender)
  if (!house.isOne) line.answeredBy = house.nameFor(named)
  const { model, preparing, giveBack } = await house.use(named, signal).catch((error: unknown) => {
    leaveQueue()
    throw error
  })
  const reading = readingOn(preparing, signal)
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
  const leave = () => {
    leaveQueue()
    giveBack()
  }
  return { parts, leave }
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
