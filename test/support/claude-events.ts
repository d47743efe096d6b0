/** What Claude Code prints with --output-format stream-json: an event a line. */

interface Event {
  type: string
  message?: { content: string | Block[] }
}

interface Block {
  type: string
  content?: string | { type: string; text?: string }[]
}

/** The texts of all results of tools, those of subagents included, in order. */
export function toolResults(output: string): string[] {
  return output
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Event)
    .flatMap(({ type, message }) => (type === 'user' && Array.isArray(message?.content) ? message.content : []))
    .filter((block) => block.type === 'tool_result')
    .map(({ content = '' }) =>
      typeof content === 'string' ? content : content.map(({ text = '' }) => text).join('\n'),
    )
}
