/** The stage that looks at tool calls on their way out and tells of those whose input does not fit their schema. */
import type { Spoken } from '../anthropic/events.js'
import { misfit } from '../chat/formats/schema.js'
import type { ChatTool } from '../chat/types.js'
import type { Misfit } from './types.js'

/** Passes everything on as it is: the tool's own error is what makes the model try again. */
export async function* noteMisfits(
  spoken: AsyncIterable<Spoken>,
  tools: ChatTool[],
  note: (misfit: Misfit) => void,
): AsyncGenerator<Spoken, void, undefined> {
  for await (const part of spoken) {
    if (part.type === 'tool_call') {
      const schema = tools.find((tool) => tool.name === part.name)?.schema
      const reason = misfit(part.input, schema)
      if (reason !== undefined) note({ tool: part.name, reason })
    }
    yield part
  }
}
