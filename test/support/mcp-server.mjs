// An MCP server over stdin and stdout with one tool, `repeat`, which returns as many characters as it is asked for.
import { createInterface } from 'node:readline'

const tool = {
  name: 'repeat',
  description: 'Returns a text of this many characters',
  inputSchema: { type: 'object', properties: { characters: { type: 'number' } }, required: ['characters'] },
}

const answers = {
  initialize: ({ protocolVersion }) => ({
    protocolVersion,
    capabilities: { tools: {} },
    serverInfo: { name: 'repeater', version: '1.0.0' },
  }),
  'tools/list': () => ({ tools: [tool] }),
  'tools/call': ({ arguments: { characters } }) => ({ content: [{ type: 'text', text: textOf(characters) }] }),
}

/** Lines with their numbers, so that no two are alike. */
function textOf(characters) {
  const lines = Array.from({ length: Math.ceil(characters / 20) }, (_, i) => `${i} kettle harbor`.padEnd(19, '.'))
  return lines.join('\n').slice(0, characters)
}

for await (const line of createInterface({ input: process.stdin })) {
  const { id, method, params } = JSON.parse(line)
  // What has no id is no question.
  if (id === undefined) continue
  const answer = answers[method]
  const reply = answer ? { result: answer(params) } : { error: { code: -32601, message: `no method ${method}` } }
  process.stdout.write(`${JSON.stringify({ jsonrpc: '2.0', id, ...reply })}\n`)
}
