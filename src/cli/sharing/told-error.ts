/** An error of one process, thrown in another one. */
import { type ErrorCode, TetherError } from '../../errors.js'
import type { ToldError } from './messages.js'

export function tellError(error: unknown): ToldError {
  if (!(error instanceof Error)) return { message: String(error) }
  return { code: error instanceof TetherError ? error.code : undefined, message: error.message, stack: error.stack }
}

export function errorOf({ code, message, stack }: ToldError): Error {
  const error = code === undefined ? new Error(message) : new TetherError(code as ErrorCode, message)
  if (stack !== undefined) error.stack = stack
  return error
}
