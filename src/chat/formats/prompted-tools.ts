/**
 * Answers of models without a tool format of their own: calls in the format of our prompt, and in those that models
 * fall back to, as JSON or as Python, in a code fence or not, in tags or not.
 */
import type { ChatTool, OutputFormat, OutputReader } from '../types.js'
import { CALL_FENCES, CALL_TAGS } from './bare/forms.js'
import { bareCalls } from './bare-calls.js'
import { fencedSyntax, taggedSyntax } from './json-syntax.js'

/** The beginning of a call in the format of our prompt. */
export const CALL_FENCE = '```tool_call\n'

// Other fences hold code.
const FENCES = [...CALL_FENCES, 'json', 'python', 'py', '']

/** For any model: the checkpoint says which tokens end its turns. */
export const promptedTools: OutputFormat = promptedToolsFormat('taught', [])

/** For models whose template writes calls as JSON in `<tool_call>` tags, as Hermes and those after it. */
export const hermesFormat: OutputFormat = {
  ...promptedTools,
  name: 'hermes',
  calls: taggedSyntax('<tool_call>', '</tool_call>'),
  callStart: (tool) => [
    tool === undefined ? '<tool_call>\n{"name": "' : `<tool_call>\n{"name": ${JSON.stringify(tool)}, "arguments": `,
  ],
}

/** `ends`: control tokens that end a turn. */
export function promptedToolsFormat(name: string, ends: string[]): OutputFormat {
  return {
    name,
    reader: ({ tools }) => promptedToolsReader(tools, ends),
    callStart: (tool) => [
      tool === undefined ? `${CALL_FENCE}{"name": "` : `${CALL_FENCE}{"name": ${JSON.stringify(tool)}, "arguments": `,
    ],
    calls: fencedSyntax(CALL_FENCE),
    stopTokens: ends,
    markers: ends,
  }
}

function promptedToolsReader(tools: ChatTool[] | undefined, ends: string[]): OutputReader {
  const calls = bareCalls(tools, { pythonic: true, fences: FENCES, tags: CALL_TAGS })
  return {
    push(piece) {
      if (typeof piece === 'string') return calls.read(piece)
      // Some vocabularies have these tags as tokens.
      if (CALL_TAGS.includes(piece.control)) return calls.mark(piece.control)
      return ends.includes(piece.control) ? calls.end('stop') : calls.write(piece.control)
    },
    end: calls.end,
  }
}
