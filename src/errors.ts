/** The one error type that tether throws on purpose: a message for people and a code for programs. */

/**
 * What went wrong, as a program may act on it.
 * Only a protocol's `errors.ts` maps codes to HTTP statuses.
 */
export type ErrorCode =
  | 'addon_missing' // tether.node cannot be found or loaded
  | 'bad_config' // config.json, generation_config.json or an option has a wrong value
  | 'bad_tokenizer' // the tokenizer's file is missing, broken or of an unknown kind
  | 'bad_weights' // a tensor is missing, mis-shaped or its file is damaged
  | 'cancelled' // the caller's signal fired
  | 'closed' // the model was closed, or the server ends
  | 'download_failed' // a model cannot be downloaded: network, disk, or not what was promised
  | 'invalid_request' // a request has a wrong or missing field
  | 'memory_in_use' // other models of this process have the memory that it needs
  | 'model_not_found' // there is no such folder, or it holds no config.json
  | 'no_server' // no tether serves (on the port that was asked for)
  | 'not_enough_memory' // weights or a request do not fit the memory cap
  | 'not_loaded' // the model is still loading
  | 'port_in_use' // the address is taken by another program
  | 'prompt_too_long' // the prompt leaves no room for one token
  | 'unauthorized' // the key is missing or wrong
  | 'unsupported_model' // tether does not support its model_type
  | 'internal' // a fault of tether's own

/** An error with a `code`. The message names the thing and the fix, each in a sentence. */
export class TetherError extends Error {
  override readonly name = 'TetherError'
  /** With `invalid_request`: the field of the request that is wrong, such as `messages.0.role`. */
  readonly field?: string

  constructor(
    readonly code: ErrorCode,
    message: string,
    options?: { cause?: unknown; field?: string },
  ) {
    super(message, options)
    this.field = options?.field
  }
}

/** What to say of a checkpoint whose `model_type` tether cannot load. The addon says the same: native/model/model.cpp. */
export function unsupportedType(modelType: string): string {
  const what = modelType === '' ? 'models without a model_type' : `${modelType} models`
  return `${what} are not supported yet. Supported: Gemma 2 to 4, Llama, Mistral.`
}

/** Errors that only a server can have. */
export type ServerFault =
  | 'forbidden'
  | 'headers_too_large'
  | 'method_not_allowed'
  | 'not_found'
  | 'overloaded'
  | 'timeout'
  | 'too_large'
  | 'unsupported_media_type'

/** Of anything thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}

/** The code and message of anything thrown. What tether did not throw on purpose is `internal`. */
export function toFault(error: unknown): { code: ErrorCode; message: string; field?: string } {
  if (error instanceof TetherError) return error
  return { code: 'internal', message: messageOf(error) }
}
