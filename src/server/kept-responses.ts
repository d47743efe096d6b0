/** GET and DELETE /v1/responses/{id}: a response that is kept in memory. */
import type { ResponseStore } from '../openai/responses/store.js'
import { json } from './body.js'
import { HttpError } from './http-error.js'

/** Throws `not_found`. */
export function keptResponse(store: Pick<ResponseStore, 'read'>, id: string): Response {
  const bytes = store.read(id)
  if (!bytes) throw notKept(id)
  const headers = { 'content-type': 'application/json', 'content-length': String(bytes.byteLength) }
  return new Response(Buffer.from(bytes), { headers })
}

/** Throws `not_found`. */
export function forgetResponse(store: Pick<ResponseStore, 'forget'>, id: string): Response {
  if (!store.forget(id)) throw notKept(id)
  return json({ id, object: 'response', deleted: true })
}

function notKept(id: string): HttpError {
  const why = 'responses are kept in memory, only the newest of them, and not with store: false'
  return new HttpError('not_found', `no response ${JSON.stringify(id.slice(0, 80))} is kept (${why})`)
}
