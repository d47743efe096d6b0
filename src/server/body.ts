/** Bodies: a request's JSON, of bounded size, and JSON answers. */
import { type Request, Response } from 'undici'
import { TetherError } from '../errors.js'
import { HttpError } from './http-error.js'

export const MAX_BODY_BYTES = 64 * 1024 * 1024

/** A body that is too large is read to its end all the same: a client that is still sending would not see the answer. */
export async function readJson(request: Request): Promise<unknown> {
  const chunks: Uint8Array[] = []
  let bytes = 0
  for await (const chunk of request.body ?? []) {
    bytes += chunk.byteLength
    if (bytes <= MAX_BODY_BYTES) chunks.push(chunk)
    else chunks.length = 0
  }
  if (bytes > MAX_BODY_BYTES) {
    throw new HttpError('too_large', `the request has ${bytes} bytes; the most is ${MAX_BODY_BYTES}`)
  }
  try {
    return JSON.parse(Buffer.concat(chunks).toString('utf8'))
  } catch (error) {
    throw new TetherError('invalid_request', `the body is not valid JSON: ${(error as Error).message}`)
  }
}

export function json(value: unknown, status = 200): Response {
  const body = JSON.stringify(value)
  const headers = { 'content-type': 'application/json', 'content-length': String(Buffer.byteLength(body)) }
  return new Response(body, { status, headers })
}
