/** Answers what never becomes a request: broken HTTP, headers that are too large or too slow, methods of no server. */
import type { Socket } from 'node:net'
import { faultAnswer } from '../anthropic/errors.js'
import type { ServerFault } from '../errors.js'
import type { Limits } from '../limits.js'

type HeaderLimits = Pick<Limits, 'maxHeaders' | 'headersTimeout'>

const REASONS: Record<number, string> = {
  400: 'Bad Request',
  405: 'Method Not Allowed',
  408: 'Request Timeout',
  413: 'Payload Too Large',
  431: 'Request Header Fields Too Large',
}

/** Closes the connection. An answer that has begun on it is cut off instead. */
export function refuseRaw({ code = '' }: { code?: string }, socket: Socket, limits: HeaderLimits): void {
  // Only Node knows whether the answer before this one is still being written.
  const answering = (socket as Socket & { _httpMessage?: { headersSent: boolean } })._httpMessage
  // What is said on a connection before its first request would answer that request, if it comes just then.
  const isUnused = code === 'ERR_HTTP_REQUEST_TIMEOUT' && socket.bytesRead === 0
  if (!socket.writable || code === 'ECONNRESET' || answering?.headersSent || isUnused) {
    socket.destroy()
    return
  }
  const fault = answering && code === 'HPE_INVALID_METHOD' ? tooLong : faultOf(code, limits)
  const { status, body } = faultAnswer(fault, '')
  const { request_id: _, ...text } = body
  const json = JSON.stringify(text)
  const allow = status === 405 ? 'allow: GET, HEAD, POST\r\n' : ''
  const head = `HTTP/1.1 ${status} ${REASONS[status]}\r\ncontent-type: application/json\r\ncontent-length: ${json.length}`
  socket.end(`${head}\r\n${allow}connection: close\r\n\r\n${json}`)
}

/** What is read as the next request while one is being answered is most often the rest of its body. */
const tooLong = {
  code: 'invalid_request',
  message: 'the body is longer than its content-length says, or what follows it is no HTTP',
} as const

function faultOf(
  code: string,
  { maxHeaders, headersTimeout }: HeaderLimits,
): { code: ServerFault | 'invalid_request'; message: string } {
  switch (code) {
    case 'HPE_HEADER_OVERFLOW':
      return { code: 'headers_too_large', message: `the headers have more than ${maxHeaders} bytes (max_headers)` }
    case 'ERR_HTTP_REQUEST_TIMEOUT':
      return { code: 'timeout', message: `the headers took longer than ${headersTimeout} s (headers_timeout)` }
    case 'HPE_CHUNK_EXTENSIONS_OVERFLOW':
      return { code: 'too_large', message: 'the extensions of a chunk are too large' }
    case 'HPE_INVALID_METHOD':
    case 'CONNECT':
      return { code: 'method_not_allowed', message: 'this method is not known: use GET, HEAD or POST' }
    default:
      return { code: 'invalid_request', message: `the request is not valid HTTP${code && ` (${code})`}` }
  }
}
