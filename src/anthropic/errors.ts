/** Errors as Anthropic's API reports them: the only place that knows HTTP statuses and error types. */
import { type ErrorCode, TetherError } from '../errors.js'

/** Errors that only a server can have. */
export type HttpFault = 'forbidden' | 'method_not_allowed' | 'not_found' | 'overloaded' | 'too_large'

export interface ErrorBody {
  type: 'error'
  error: { type: string; message: string }
  request_id: string
}

/** `retry`: the same request may succeed a moment later. */
interface Answer {
  status: number
  type: string
  retry: boolean
}

const INVALID: Answer = { status: 400, type: 'invalid_request_error', retry: false }
const BROKEN: Answer = { status: 500, type: 'api_error', retry: false }

const ANSWERS: Record<ErrorCode | HttpFault, Answer> = {
  addon_missing: BROKEN,
  bad_config: BROKEN,
  bad_tokenizer: BROKEN,
  bad_weights: BROKEN,
  cancelled: { status: 499, type: 'api_error', retry: true },
  closed: { status: 503, type: 'api_error', retry: true },
  download_failed: BROKEN,
  forbidden: { status: 403, type: 'permission_error', retry: false },
  internal: { status: 500, type: 'api_error', retry: true },
  invalid_request: INVALID,
  method_not_allowed: { status: 405, type: 'invalid_request_error', retry: false },
  model_not_found: { status: 404, type: 'not_found_error', retry: false },
  // Claude Code compacts the conversation after a 413, which is the fix.
  not_enough_memory: { status: 413, type: 'request_too_large', retry: false },
  not_found: { status: 404, type: 'not_found_error', retry: false },
  not_implemented: INVALID,
  not_loaded: { status: 503, type: 'api_error', retry: true },
  overloaded: { status: 529, type: 'overloaded_error', retry: true },
  port_in_use: BROKEN,
  prompt_too_long: INVALID,
  too_large: { status: 413, type: 'request_too_large', retry: false },
  unauthorized: { status: 401, type: 'authentication_error', retry: false },
  unsupported_model: BROKEN,
}

/** The code and message of anything thrown. What tether did not throw on purpose is `internal`. */
export function toFault(error: unknown): { code: ErrorCode; message: string } {
  if (error instanceof TetherError) return error
  return { code: 'internal', message: error instanceof Error ? error.message : String(error) }
}

export function errorStatus(code: ErrorCode | HttpFault): number {
  return ANSWERS[code].status
}

export function canRetry(code: ErrorCode | HttpFault): boolean {
  return ANSWERS[code].retry
}

export function errorBody(code: ErrorCode | HttpFault, message: string, requestId: string): ErrorBody {
  return { type: 'error', error: { type: ANSWERS[code].type, message }, request_id: requestId }
}
