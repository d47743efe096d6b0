/** Events to one Message, for clients that do not stream. */
import type { JsonObject } from '../chat/types.js'
import { TetherError } from '../errors.js'
import type { AnswerBlock, Message, MessageEvent } from './types.js'

export async function fold(events: AsyncIterable<MessageEvent>): Promise<Message> {
  return (await foldWhole(events)).message
}

/** The Message as JSON text: the inputs of calls as they came, since parsing rounds long numbers. */
export async function foldText(events: AsyncIterable<MessageEvent>): Promise<string> {
  const { message, json } = await foldWhole(events)
  const { content, ...others } = message
  return `${JSON.stringify(others).slice(0, -1)},"content":${contentText(content, json)}}`
}

/** `json`: the inputs of calls as they came, by their blocks. */
export function contentText(content: AnswerBlock[], json: string[]): string {
  const blocks = content.map((block, i) => {
    if (block.type !== 'tool_use' || !json[i]) return JSON.stringify(block)
    const { input, ...others } = block
    return `${JSON.stringify(others).slice(0, -1)},"input":${json[i]}}`
  })
  return `[${blocks.join(',')}]`
}

async function foldWhole(events: AsyncIterable<MessageEvent>): Promise<{ message: Message; json: string[] }> {
  const fold = createFold()
  for await (const event of events) fold.add(event)
  return fold.whole()
}

/** Takes events one by one; `whole` throws before the last but one. `json`: the inputs of calls, by their blocks. */
export function createFold(): { add(event: MessageEvent): void; whole(): { message: Message; json: string[] } } {
  let message: Message | undefined
  const content: AnswerBlock[] = []
  const json: string[] = []
  return {
    add(event) {
      if (event.type === 'message_start') message = { ...event.message, content }
      else if (event.type === 'content_block_start') content[event.index] = { ...event.content_block }
      else if (event.type === 'content_block_delta') extend(content, json, event)
      else if (event.type === 'content_block_stop') close(content[event.index], json[event.index])
      else if (event.type === 'message_delta' && message) message = { ...message, ...event.delta, usage: event.usage }
    },
    whole() {
      if (!message || message.stop_reason === null) throw new TetherError('internal', 'the answer broke off')
      return { message, json }
    },
  }
}

function extend(
  content: AnswerBlock[],
  json: string[],
  { index, delta }: MessageEvent & { type: 'content_block_delta' },
): void {
  const block = content[index]
  if (delta.type === 'input_json_delta') json[index] = (json[index] ?? '') + delta.partial_json
  else if (delta.type === 'text_delta' && block?.type === 'text') block.text += delta.text
  else if (delta.type === 'thinking_delta' && block?.type === 'thinking') block.thinking += delta.thinking
  else if (delta.type === 'signature_delta' && block?.type === 'thinking') block.signature = delta.signature
}

function close(block: AnswerBlock | undefined, json: string | undefined): void {
  if (block?.type === 'tool_use' && json) block.input = JSON.parse(json) as JsonObject
}
