/** The schema of an answer, which a prompt has whole: each protocol has the same limit, and names its field. */
import { expect, test } from 'vitest'
import * as anthropic from '../../src/anthropic/prepare.js'
import * as chat from '../../src/openai/chat/prepare.js'
import * as responses from '../../src/openai/responses/prepare.js'

const messages = [{ role: 'user', content: 'Hi.' }]
const long = { type: 'object', description: 'x'.repeat(300_000) }
const format = (schema: object) => ({ type: 'json_schema', name: 'n', schema })

test.each([
  [
    'output_config.format.schema',
    anthropic,
    (schema: object) => ({ messages, output_config: { format: format(schema) } }),
  ],
  ['output_format.schema', anthropic, (schema: object) => ({ messages, output_format: format(schema) })],
  [
    'response_format.json_schema.schema',
    chat,
    (schema: object) => ({ messages, response_format: { type: 'json_schema', json_schema: format(schema) } }),
  ],
  ['text.format.schema', responses, (schema: object) => ({ input: 'Hi.', text: { format: format(schema) } })],
])('%s', (field, { checkBody }, body) => {
  const check = (schema: object) =>
    checkBody(Buffer.from(JSON.stringify({ model: 'm', max_tokens: 5, ...body(schema) })), {})
  check({ type: 'object' })
  expect(() => check(long)).toThrow(`${field}: the schema of an answer may have at most 262144 characters`)
})
