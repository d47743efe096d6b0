/** The prompt text of ours that teaches a tool format to models that have none, and its calls and results in a history. */
import { CALL_FENCE } from '../formats/prompted-tools.js'
import type { ChatTool, JsonObject } from '../types.js'

const RULES = `You can use tools. To use one, write a code block like this:

${CALL_FENCE}{"name": "tool name", "arguments": {"argument": "value"}}
\`\`\`

- The block holds one JSON object and nothing else. Inside a JSON string a line break is \\n and a quote is \\".
- Write one block for each call. After the last one stop: the results come in the next message.
- Use only the tools below, with the arguments that they name. Without need of a tool, just answer.

The tools, each with the JSON schema of its arguments:
`

/** What stands in the prompt, whole; '' without tools. One line a tool, in their order. */
export function teachTools(tools: ChatTool[]): string {
  if (tools.length === 0) return ''
  const lines = tools.map(({ name, description, schema }) => JSON.stringify({ name, description, parameters: schema }))
  return `${RULES}${lines.join('\n')}\n`
}

/** A call of an earlier turn, as it was taught. */
export function taughtCall(name: string, input: JsonObject): string {
  return `${CALL_FENCE}{"name": ${JSON.stringify(name)}, "arguments": ${JSON.stringify(input)}}\n\`\`\``
}

/** What a tool gave back, for the user's turn after the calls. */
export function taughtResult({ name, text, isError }: { name: string; text: string; isError: boolean }): string {
  return `${isError ? 'Error' : 'Result'} of ${name}:\n${text}`
}
