/** Errors as OpenAI's API reports them: the only place that knows their HTTP statuses, types and codes. */
import { TetherError } from '../errors.js'
import { escapeControls } from '../one-line.js'
import type { Fault, FaultAnswer } from '../turn/protocol.js'

export interface ErrorBody {
  error: { message: string; type: string; param: string | null; code: string | null }
}

/** How its message begins, by which it is known also if another thread threw it. */
const UNKNOWN = 'previous_response_id: no response'

/** A `previous_response_id` that names nothing that is kept. */
export class UnknownResponse extends TetherError {
  constructor(id: string) {
    const why = 'responses are kept in memory, only the newest of them, and not with store: false'
    super('invalid_request', `${UNKNOWN} ${id} is kept (${why}). Send the whole conversation.`, {
      field: 'previous_response_id',
    })
  }
}

type Answer = [status: number, type: string, code: string | null]

const BROKEN: Answer = [500, 'server_error', null]

const ANSWERS: Record<Fault['code'], Answer> = {
  addon_missing: BROKEN,
  bad_config: BROKEN,
  bad_tokenizer: BROKEN,
  bad_weights: BROKEN,
  cancelled: [499, 'server_error', 'cancelled'],
  closed: [503, 'server_error', 'closed'],
  download_failed: BROKEN,
  headers_too_large: [431, 'invalid_request_error', 'headers_too_large'],
  forbidden: [403, 'invalid_request_error', 'forbidden'],
  internal: BROKEN,
  invalid_request: [400, 'invalid_request_error', null],
  memory_in_use: [503, 'server_error', 'memory_in_use'],
  method_not_allowed: [405, 'invalid_request_error', 'method_not_allowed'],
  model_not_found: [404, 'invalid_request_error', 'model_not_found'],
  no_server: BROKEN,
  not_enough_memory: [413, 'invalid_request_error', 'not_enough_memory'],
  not_found: [404, 'invalid_request_error', 'not_found'],
  not_loaded: [503, 'server_error', 'not_loaded'],
  // OpenAI's clients wait and ask again after a 429, for as long as retry-after says.
  overloaded: [429, 'server_error', 'rate_limit_exceeded'],
  port_in_use: BROKEN,
  prompt_too_long: [400, 'invalid_request_error', 'context_length_exceeded'],
  timeout: [408, 'server_error', 'timeout'],
  too_large: [413, 'invalid_request_error', 'request_too_large'],
  unauthorized: [401, 'invalid_request_error', 'invalid_api_key'],
  unsupported_media_type: [415, 'invalid_request_error', 'unsupported_media_type'],
  unsupported_model: BROKEN,
}

/** OpenAI's clients never repeat a stream, so each that fails has to end with its error. */
export function faultAnswer(fault: Fault): FaultAnswer & { body: ErrorBody } {
  const [status, type, known] = ANSWERS[fault.code]
  const code = fault.message.startsWith(UNKNOWN) ? 'previous_response_not_found' : known
  const param = fault.field === undefined || fault.field === 'body' ? null : escapeControls(fault.field)
  // Programs show it in terminals, and it may quote what the request says.
  const message = escapeControls(fault.message)
  return { status, canRetry: false, body: { error: { message, type, param, code } } }
}
