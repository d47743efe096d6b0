/** Errors as Anthropic's API reports them: the only place that knows their HTTP statuses and types. */
import type { Fault, FaultAnswer } from '../turn/protocol.js'

export interface ErrorBody {
  type: 'error'
  error: { type: string; message: string; details?: { error_code: string; unsupported: string[] } }
  request_id: string
}

interface Answer {
  status: number
  type: string
  canRetry: boolean
}

const INVALID: Answer = { status: 400, type: 'invalid_request_error', canRetry: false }
const BROKEN: Answer = { status: 500, type: 'api_error', canRetry: false }

const ANSWERS: Record<Fault['code'], Answer> = {
  addon_missing: BROKEN,
  bad_config: BROKEN,
  bad_tokenizer: BROKEN,
  bad_weights: BROKEN,
  cancelled: { status: 499, type: 'api_error', canRetry: true },
  closed: { status: 503, type: 'api_error', canRetry: true },
  download_failed: BROKEN,
  forbidden: { status: 403, type: 'permission_error', canRetry: false },
  headers_too_large: { status: 431, type: 'invalid_request_error', canRetry: false },
  internal: { status: 500, type: 'api_error', canRetry: true },
  invalid_request: INVALID,
  method_not_allowed: { status: 405, type: 'invalid_request_error', canRetry: false },
  model_not_found: { status: 404, type: 'not_found_error', canRetry: false },
  no_server: BROKEN,
  // Claude Code compacts the conversation after a 413, which is the fix.
  not_enough_memory: { status: 413, type: 'request_too_large', canRetry: false },
  not_found: { status: 404, type: 'not_found_error', canRetry: false },
  not_loaded: { status: 529, type: 'overloaded_error', canRetry: true },
  overloaded: { status: 429, type: 'rate_limit_error', canRetry: true },
  port_in_use: BROKEN,
  prompt_too_long: INVALID,
  timeout: { status: 408, type: 'timeout_error', canRetry: true },
  too_large: { status: 413, type: 'request_too_large', canRetry: false },
  unauthorized: { status: 401, type: 'authentication_error', canRetry: false },
  unsupported_media_type: { status: 415, type: 'invalid_request_error', canRetry: false },
  unsupported_model: BROKEN,
}

/** Anthropic's own clients read it, and send the whole conversation without a thread. */
const NO_THREADS = { error_code: 'thread_unsupported_request', unsupported: [] }

export function faultAnswer({ code, message, field }: Fault, requestId: string): FaultAnswer & { body: ErrorBody } {
  const { status, type, canRetry } = ANSWERS[code]
  const details = field === 'thread' ? { details: NO_THREADS } : {}
  return { status, canRetry, body: { type: 'error', error: { type, message, ...details }, request_id: requestId } }
}
