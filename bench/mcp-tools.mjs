// An MCP server on stdin and stdout with two tools, for a session of Claude Code that has one server more.
import { createInterface } from 'node:readline'

const text = (description) => ({ type: 'string', description })
const tools = [
  {
    name: 'find_ticket',
    description: 'Finds a ticket of the project by its number and returns its title, its text and who works on it.',
    inputSchema: { type: 'object', properties: { number: text('The number, such as 1204') }, required: ['number'] },
  },
  {
    name: 'add_comment',
    description: 'Adds a comment to a ticket of the project. Whoever follows the ticket gets a mail.',
    inputSchema: {
      type: 'object',
      properties: { number: text('The number of the ticket'), comment: text('The comment, in Markdown') },
      required: ['number', 'comment'],
    },
  },
]

const answers = {
  initialize: ({ protocolVersion }) => ({
    protocolVersion,
    capabilities: { tools: {} },
    serverInfo: { name: 'tickets', version: '1.0.0' },
  }),
  'tools/list': () => ({ tools }),
  ping: () => ({}),
}

createInterface({ input: process.stdin }).on('line', (line) => {
  const { id, method, params } = JSON.parse(line)
  // A notification wants no answer.
  if (id === undefined) return
  const answer = answers[method]
  const outcome = answer ? { result: answer(params) } : { error: { code: -32601, message: `no method ${method}` } }
  process.stdout.write(`${JSON.stringify({ jsonrpc: '2.0', id, ...outcome })}\n`)
})
