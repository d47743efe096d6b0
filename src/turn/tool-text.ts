/** A tool as JSON in a message, for one that the model learns of in the middle of the conversation. */
import { shownSchema } from '../chat/templates/shown-schema.js'
import type { ChatTool } from '../chat/types.js'

/** References are resolved and the size is bounded, as in a prompt's own list of tools. */
export function toolText({ name, description, schema }: ChatTool): string {
  return JSON.stringify({ name, description, input_schema: shownSchema(schema) })
}
