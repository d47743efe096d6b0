/** Errors of the network and of TLS, and what the user is told about them. */
import { expect, test } from 'vitest'
import { HubFault, toHubFault } from '../../../src/models/pull/hub-fault.js'

const hub = { endpoint: 'https://huggingface.co' }
const faultOf = (code: string, message = code, host = 'huggingface.co') =>
  toHubFault(Object.assign(new Error(message), { code }), new URL(`https://${host}/org/model`), hub) as HubFault

const reach = 'Cannot reach huggingface.co'
const check = 'Check your internet connection, then run the command again.'

test.each([
  ['ENOTFOUND', 'once reached', `${reach}: host name not found. ${check}`],
  ['EAI_AGAIN', 'always', `${reach}: the name server does not answer. ${check}`],
  ['ENETUNREACH', 'always', `${reach}: no connection. ${check}`],
  ['EHOSTUNREACH', 'always', `${reach}: no connection. ${check}`],
  ['ECONNREFUSED', 'always', `${reach}: connection refused. ${check}`],
  ['ECONNRESET', 'always', `The connection to huggingface.co was lost. ${check}`],
  ['UND_ERR_SOCKET', 'always', `The connection to huggingface.co was lost. ${check}`],
  ['ETIMEDOUT', 'always', 'No answer from huggingface.co. Check your internet connection, or try again later.'],
  ['UND_ERR_CONNECT_TIMEOUT', 'always', 'No answer from huggingface.co.'],
  ['UND_ERR_HEADERS_TIMEOUT', 'always', 'No answer from huggingface.co.'],
  ['UND_ERR_BODY_TIMEOUT', 'always', 'No answer from huggingface.co.'],
  ['SELF_SIGNED_CERT_IN_CHAIN', 'never', 'The certificate of huggingface.co is self-signed. If your company'],
  ['UNABLE_TO_VERIFY_LEAF_SIGNATURE', 'never', 'The certificate of huggingface.co cannot be verified. If your company'],
  ['UNABLE_TO_GET_ISSUER_CERT_LOCALLY', 'never', 'NODE_EXTRA_CA_CERTS'],
  ['ERR_TLS_CERT_ALTNAME_INVALID', 'never', 'The certificate of huggingface.co is for another host. Check the address'],
  ['ERR_SSL_WRONG_VERSION_NUMBER', 'never', 'huggingface.co does not answer with https. Something on this network'],
  ['HPE_INVALID_CONSTANT', 'never', 'huggingface.co does not answer with http. Check'],
])('%s is retried %s and explained as: %s', (code, retry, message) => {
  const fault = faultOf(code)
  expect(fault.message).toContain(message)
  expect(fault.message).not.toContain(code)
  expect(fault.retry).toBe(retry)
})

test('an error that is not known is quoted, with the host and what to check', () => {
  const { message } = faultOf('EWEIRD', 'the cable is green')
  expect(message).toBe(`${reach}: the connection failed (the cable is green). ${check}`)
})

test('an error of several attempts counts as the first of them', () => {
  const attempts = [Object.assign(new Error(''), { code: 'ECONNREFUSED' }), new Error('')]
  const fault = toHubFault(new AggregateError(attempts), new URL('https://huggingface.co/org/model'), hub)
  expect(fault).toBeInstanceOf(HubFault)
  expect(fault.message).toContain('connection refused')
})

test('an error of the server that the hub redirects to names that server', () => {
  expect(faultOf('ECONNREFUSED', '', 'cdn.test').message).toContain('Cannot reach cdn.test: connection refused')
})
