/**
 * Llama 3's answers: text, and calls as JSON objects `{"name": …, "parameters": {…}}`, to parts.
 *
 * A call may stand at the start, after text, after `<|python_tag|>`, or after another call and `;`. A list of Python
 * calls, `[f(a=1), g()]`, which these models were trained on as well, is read too, and so is Llama 3.1's
 * `<function=f>{…}</function>`. Code in backticks is not a call, unless a ```json fence, or one that is named after
 * calls, contains nothing else, as the small models write it.
 */
import type { ChatTool, OutputFormat, OutputReader } from '../types.js'
import { CALL_FENCES, CALL_TAGS } from './bare/forms.js'
import { bareCalls } from './bare-calls.js'
import { markedSyntax } from './json-syntax.js'

const PYTHON_TAG = '<|python_tag|>'
const ENDS = ['<|eot_id|>', '<|eom_id|>', '<|end_of_text|>', '<|begin_of_text|>']

export const llama3Format: OutputFormat = {
  name: 'llama3',
  reader: ({ tools }) => llama3Reader(tools),
  callStart: (tool) => [tool === undefined ? '{"name": "' : `{"name": ${JSON.stringify(tool)}, "parameters": `],
  calls: markedSyntax(PYTHON_TAG),
  stopTokens: ['<|eot_id|>', '<|eom_id|>', '<|end_of_text|>'],
  markers: [PYTHON_TAG, ...ENDS, '<|start_header_id|>', '<|end_header_id|>'],
}

function llama3Reader(tools: ChatTool[] | undefined): OutputReader {
  const calls = bareCalls(tools, { pythonic: true, fences: [...CALL_FENCES, 'json'], tags: CALL_TAGS })
  return {
    push(piece) {
      if (typeof piece === 'string') return calls.read(piece)
      if (piece.control === PYTHON_TAG) return calls.mark(PYTHON_TAG)
      return ENDS.includes(piece.control) ? calls.end('stop') : calls.write(piece.control)
    },
    end: calls.end,
  }
}
