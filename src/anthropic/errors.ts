/** Errors as Anthropic's API reports them: the only place that knows their HTTP statuses and types. */
import { TetherError } from '../errors.js'
import { escapeControls } from '../one-line.js'
import type { Fault, FaultAnswer } from '../turn/protocol.js'

export interface ErrorBody {
  type: 'error'
  error: { type: string; message: string; details?: object }
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
  memory_in_use: { status: 529, type: 'overloaded_error', canRetry: true },
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

/** A thread that is continued, and is not held. Clients then send the whole conversation. */
export class UnknownThread extends TetherError {
  constructor(id: string) {
    const why = 'conversations are held in memory, only the newest of them'
    const name = JSON.stringify(id.slice(0, 80))
    super('invalid_request', `thread: no conversation with the answer ${name} is held (${why}). Send all of it.`, {
      field: 'thread',
    })
  }
}

const NOT_FOUND: Answer = { status: 404, type: 'not_found_error', canRetry: false }

export function faultAnswer(fault: Fault, requestId: string): FaultAnswer & { body: ErrorBody } {
  const isUnknown = fault instanceof UnknownThread
  const { status, type, canRetry } = isUnknown ? NOT_FOUND : ANSWERS[fault.code]
  // Anthropic's own clients know these codes, and then send the whole conversation.
  const error_code = isUnknown ? 'thread_not_found' : 'thread_unsupported_request'
  const details = fault.field === 'thread' ? { details: { error_code } } : {}
  // Programs show it in terminals, and it may quote what the request says.
  const error = { type, message: escapeControls(fault.message), ...details }
  return { status, canRetry, body: { type: 'error', error, request_id: requestId } }
}
