/** The stage that reports tool calls whose input does not fit their tool's schema. */
import { misfit } from '../chat/formats/schema.js'
import type { ChatTool } from '../chat/types.js'
import type { GeneratedPart } from './read-answer.js'
import type { InvalidToolInput } from './types.js'

/** Passes every part on unchanged: the tool's own error makes the model try again. */
export async function* noteInvalidToolInput(
  parts: AsyncIterable<GeneratedPart>,
  tools: ChatTool[],
  note: (call: InvalidToolInput) => void,
): AsyncGenerator<GeneratedPart, void, undefined> {
  for await (const part of parts) {
    if (part.type === 'tool_call') {
      const schema = tools.find((tool) => tool.name === part.name)?.schema
      const reason = misfit(part.input, schema)
      if (reason !== undefined) note({ tool: part.name, reason })
    }
    yield part
  }
}
