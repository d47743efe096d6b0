/** The server without its socket: a Request in, a Response out, every error answered in its protocol's shape. */
import { randomBytes } from 'node:crypto'
import { faultAnswer as anthropicFault } from '../anthropic/errors.js'
import { anthropic } from '../anthropic/protocol.js'
import { createThreads } from '../anthropic/threads.js'
import { toFault } from '../errors.js'
import type { Limits } from '../limits.js'
import { chat } from '../openai/chat/protocol.js'
import { completions } from '../openai/completions/protocol.js'
import { faultAnswer as openAiFault } from '../openai/errors.js'
import { createResponses } from '../openai/responses/protocol.js'
import { createResponseStore } from '../openai/responses/store.js'
import type { Protocol } from '../turn/protocol.js'
import { type Activity, activity } from './activity.js'
import { type AboutBody, answer } from './answer.js'
import { createBodyReader, json } from './body.js'
import { sessionOf } from './client-of.js'
import { whyFailed } from './closing.js'
import { countTokens } from './count-tokens.js'
import type { Edge } from './edge.js'
import { health } from './health.js'
import type { ModelHouse } from './house-types.js'
import { HttpError } from './http-error.js'
import { forgetResponse, keptResponse } from './kept-responses.js'
import type { Keys } from './keys.js'
import type { LogLine } from './log.js'
import { type Metrics, metrics } from './metrics.js'
import { models, oneModel } from './models.js'
import type { OnOverflow } from './overflow.js'
import { frontPage } from './page/front-page.js'
import { createQueue } from './queue.js'
import { createRetries } from './retries.js'
import { type LastAnswer, status } from './status.js'

export interface AppOptions {
  house: ModelHouse
  keys: Keys
  edge: Edge
  pingMs: number
  limits: Limits
  onOverflow: OnOverflow
  onBody?: (body: Uint8Array, about: AboutBody) => void
  counted: Metrics
  activity: Activity
}

/** Never rejects. Notes in `line` what it learns of the request. `fault`: why the request is refused whatever it asks. */
export type App = (request: Request, line: LogLine, fault?: HttpError) => Promise<Response>

type Faults = Pick<Protocol<never>, 'faultAnswer'>

const SERVED = "Anthropic's POST /v1/messages, and OpenAI's /v1/chat/completions, /v1/responses and /v1/completions"

/** `id`: the name in the path, decoded. */
type Handler = (
  request: Request,
  context: { requestId: string; line: LogLine; id: string },
) => Response | Promise<Response>

type Route = [path: RegExp, methods: Record<string, Handler>]

export function createApp(options: AppOptions): App {
  const { house, keys, edge, pingMs, limits, onOverflow, onBody } = options
  const queue = createQueue(limits.maxRequests)
  const retries = createRetries()
  const bodies = createBodyReader(limits)
  const responses = createResponseStore()
  const { maxDepth } = limits
  let last: LastAnswer | null = null
  const onAnswer = (answer: LastAnswer) => {
    last = answer
  }
  const ready = () => {
    house.check()
    return house
  }
  const answerIn =
    <Event>(protocol: Protocol<Event>): Handler =>
    (request, { requestId, line }) =>
      answer(request, ready(), protocol, {
        ...{ queue, retries, bodies, maxDepth, pingMs, requestId, line, onOverflow, onBody, onAnswer },
        label: options.activity.begin(line),
      })
  const routes: Route[] = [
    [/^\/v1\/messages$/, { POST: answerIn({ ...anthropic, ...createThreads() }) }],
    [/^\/v1\/chat\/completions$/, { POST: answerIn(chat) }],
    [/^\/v1\/responses$/, { POST: answerIn(createResponses(responses)) }],
    [
      /^\/v1\/responses\/(?<id>[^/]+)$/,
      { GET: (_, { id }) => keptResponse(responses, id), DELETE: (_, { id }) => forgetResponse(responses, id) },
    ],
    [/^\/v1\/completions$/, { POST: answerIn(completions) }],
    [/^\/v1\/messages\/count_tokens$/, { POST: (request) => countTokens(request, ready(), { bodies, maxDepth }) }],
    [/^\/v1\/models$/, { GET: (request) => models(ready(), request) }],
    // A name may have slashes, which some clients send as they are.
    [/^\/v1\/models\/(?<id>.+)$/, { GET: (_, { id }) => oneModel(ready(), id) }],
    ...watching(options, () => last),
  ]

  const respond = async (request: Request, requestId: string, line: LogLine): Promise<Response> => {
    const { pathname } = new URL(request.url)
    if (/^X-(TRACE|CONNECT)$/.test(request.method)) throw notAllowed(line.method, pathname, ['GET', 'POST'])
    edge.check(request)
    const asked = edge.preflight(request)
    if (asked) return asked
    const { headers } = request
    line.client = headers.get('user-agent')?.slice(0, 200)
    line.session = sessionOf(headers)
    // A launcher asks for health before it has a key, and the page asks its reader for one. Neither answer tells more than
    // a port scan would.
    if (pathname !== '/health' && pathname !== '/') line.key = keys.check(request)
    for (const [path, methods] of routes) {
      const match = path.exec(pathname)
      if (!match) continue
      const handler = methods[request.method === 'HEAD' ? 'GET' : request.method]
      if (!handler) throw notAllowed(line.method, pathname, Object.keys(methods))
      return handler(request, { requestId, line, id: decode(match.groups?.id ?? '') })
    }
    throw new HttpError('not_found', `not found: ${pathname} (tether serves ${SERVED})`)
  }

  return async (request, line, fault) => {
    const requestId = `req_${randomBytes(12).toString('hex')}`
    const responding = fault ? Promise.reject(fault) : respond(request, requestId, line)
    const response = await responding.catch((error: unknown) =>
      refuse(faultsOf(new URL(request.url).pathname), whyFailed(error, request.signal), requestId, line),
    )
    // The second name is OpenAI's.
    for (const name of ['request-id', 'x-request-id']) response.headers.set(name, requestId)
    edge.share(request, response)
    return request.method === 'HEAD' ? new Response(null, response) : response
  }
}

/** What people and monitors look at. */
function watching({ house, keys, counted, activity: all }: AppOptions, last: () => LastAnswer | null): Route[] {
  return [
    [/^\/$/, { GET: (request) => frontPage(request, { needsKey: keys.required }) }],
    [/^\/activity$/, { GET: () => activity(all) }],
    [/^\/health$/, { GET: () => health(house.first()) }],
    [/^\/status$/, { GET: () => status(house, last()) }],
    [/^\/metrics$/, { GET: () => metrics(counted, house) }],
  ]
}

/** In the shape of the protocol whose path it is; on a path of both, in one that each can read. */
function faultsOf(path: string): Faults {
  if (/^\/v1\/messages(?:\/|$)/.test(path)) return anthropic
  if (/^\/v1\/(?:chat|responses|completions)(?:\/|$)/.test(path)) return { faultAnswer: openAiFault }
  return {
    faultAnswer(fault, requestId) {
      const { body, canRetry } = anthropicFault(fault, requestId)
      // Of the two only OpenAI's statuses are all HTTP's own.
      const { status, body: openAi } = openAiFault(fault)
      const { param, code } = openAi.error
      return { status, canRetry, body: { ...body, error: { ...body.error, param, code } } }
    },
  }
}

function refuse(protocol: Faults, error: unknown, requestId: string, line: LogLine): Response {
  const fault = error instanceof HttpError ? error : toFault(error)
  line.error = fault.message
  const { status, body } = protocol.faultAnswer(fault, requestId)
  const response = json(body, status)
  if (fault.code === 'not_loaded') response.headers.set('retry-after', '1')
  if (fault.code === 'closed') response.headers.set('connection', 'close')
  if (error instanceof HttpError) {
    for (const [name, value] of Object.entries(error.headers)) response.headers.set(name, value)
  }
  return response
}

function notAllowed(method: string, path: string, methods: string[]): HttpError {
  const allow = methods.flatMap((name) => (name === 'GET' ? ['GET', 'HEAD'] : [name])).join(', ')
  return new HttpError('method_not_allowed', `method ${method} not allowed for ${path} (allowed: ${allow})`, { allow })
}

/** A path that is not validly encoded names nothing that exists, and stays as it was sent. */
function decode(part: string): string {
  try {
    return decodeURIComponent(part)
  } catch {
    return part
  }
}
