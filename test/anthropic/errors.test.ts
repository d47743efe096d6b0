/** Codes become statuses and types that Anthropic's clients know how to take. */
import { expect, it, test } from 'vitest'
import { faultAnswer } from '../../src/anthropic/errors.js'
import { type ErrorCode, type ServerFault, TetherError, toFault } from '../../src/errors.js'
import { faultAnswer as openAiAnswer } from '../../src/openai/errors.js'

test.each<[ErrorCode | ServerFault, number, string, boolean]>([
  ['invalid_request', 400, 'invalid_request_error', false],
  ['prompt_too_long', 400, 'invalid_request_error', false],
  ['unauthorized', 401, 'authentication_error', false],
  ['forbidden', 403, 'permission_error', false],
  ['not_found', 404, 'not_found_error', false],
  ['method_not_allowed', 405, 'invalid_request_error', false],
  ['too_large', 413, 'request_too_large', false],
  ['not_enough_memory', 413, 'request_too_large', false],
  ['internal', 500, 'api_error', true],
  ['memory_in_use', 529, 'overloaded_error', true],
  ['not_loaded', 529, 'overloaded_error', true],
  ['closed', 503, 'api_error', true],
  ['overloaded', 429, 'rate_limit_error', true],
  ['timeout', 408, 'timeout_error', true],
  ['headers_too_large', 431, 'invalid_request_error', false],
  ['unsupported_media_type', 415, 'invalid_request_error', false],
])('the error %s has its status, its type and whether to retry', (code, status, type, retry) => {
  expect(faultAnswer({ code, message: 'why' }, 'req_1')).toEqual({
    status,
    canRetry: retry,
    body: { type: 'error', error: { type, message: 'why' }, request_id: 'req_1' },
  })
})

it('toFault takes anything that was thrown', () => {
  expect(toFault(new TetherError('closed', 'gone'))).toMatchObject({ code: 'closed', message: 'gone' })
  expect(toFault(new RangeError('odd'))).toEqual({ code: 'internal', message: 'odd' })
  expect(toFault('odd')).toEqual({ code: 'internal', message: 'odd' })
})

it('what an error quotes moves no cursor and turns no line round, in both shapes', () => {
  const quoted = { code: 'invalid_request', message: 'a\x9b31m\u202eb\x7f\x1b\nc', field: 'tools.\x9b' } as const
  const shown = 'a\\x9b31m\\u202eb\\x7f\\x1b\nc'
  expect(faultAnswer(quoted, 'req_1').body.error.message).toBe(shown)
  expect(openAiAnswer(quoted).body.error).toMatchObject({ message: shown, param: 'tools.\\x9b' })
})
