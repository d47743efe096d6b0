/** Our prompt for tools, for models without a tool format of their own, and the calls and results of earlier turns. */

import type { PromptOrder } from '../../options.js'
import { CALL_FENCE } from '../formats/prompted-tools.js'
import type { ChatTool, JsonObject } from '../types.js'
import { shownSchema } from './shown-schema.js'

const RULES = `You can use tools. To use one, write a code block like this:

${CALL_FENCE}{"name": "tool name", "arguments": {"argument": "value"}}
\`\`\`

- The block holds one JSON object and nothing else. Inside a JSON string a line break is \\n and a quote is \\".
- Write one block for each call. After the last one stop: the results come in the next message.
- Use only the tools below, with the arguments that they name. Without need of a tool, just answer.

The tools, each with the JSON schema of its arguments:
`

/** The prompt's text about tools, one line for each in their order; '' without tools. */
export function teachTools(tools: ChatTool[]): string {
  if (tools.length === 0) return ''
  const lines = tools.map(({ name, description, schema }) =>
    JSON.stringify({ name, description, parameters: shownSchema(schema) }),
  )
  return `${RULES}${lines.join('\n')}\n`
}

/**
 * The system text and the text about tools, as they begin a prompt. The order is ours, since the template has no tools:
 * unless it is to be the template's, tools come first.
 */
export function headingOf({
  system = '',
  tools,
  order,
}: {
  system: string | undefined
  tools: ChatTool[]
  order: PromptOrder
}): string {
  const texts = [system, teachTools(tools).trimEnd()].filter((text) => text !== '')
  return (order === 'template' ? texts : texts.reverse()).join('\n\n')
}

/** A call of an earlier turn, in the format of the prompt. */
export function taughtCall(name: string, input: JsonObject): string {
  return `${CALL_FENCE}{"name": ${JSON.stringify(name)}, "arguments": ${JSON.stringify(input)}}\n\`\`\``
}

/** The result of a tool, for the user's turn after the calls. */
export function taughtResult({ name, text, isError }: { name: string; text: string; isError?: boolean }): string {
  return `${isError ? 'Error' : 'Result'} of ${name}:\n${text}`
}
