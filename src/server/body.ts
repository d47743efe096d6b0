/** Bodies: a request's bytes, of bounded size, and JSON answers. */
import { HttpError } from './http-error.js'

export const MAX_BODY_BYTES = 64 * 1024 * 1024

/** Reads a body that is too large to its end as well: a client that is still sending would not see the answer. */
export async function readBody(request: Request): Promise<Uint8Array> {
  const chunks: Uint8Array[] = []
  let bytes = 0
  for await (const chunk of request.body ?? []) {
    bytes += chunk.byteLength
    if (bytes <= MAX_BODY_BYTES) chunks.push(chunk)
    else chunks.length = 0
  }
  if (bytes <= MAX_BODY_BYTES) return Buffer.concat(chunks)
  throw new HttpError('too_large', `the request has ${bytes} bytes, more than the limit of ${MAX_BODY_BYTES}`)
}

export function json(value: unknown, status = 200): Response {
  return jsonText(JSON.stringify(value), status)
}

export function jsonText(body: string, status = 200): Response {
  const headers = { 'content-type': 'application/json', 'content-length': String(Buffer.byteLength(body)) }
  return new Response(body, { status, headers })
}
