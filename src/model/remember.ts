/** The stage that watches an answer go by, and hands it to the memory when it has ended by itself. */

import type { MessageEvent } from '../anthropic/types.js'
import type { Chat, JsonObject, Part } from '../chat/types.js'
import type { Batch } from '../engine/types.js'
import type { TurnMemory } from './turn-memory.js'

export interface Remembering {
  /** Passes tokens on and keeps them. */
  tokens(batches: AsyncIterable<Batch>): AsyncGenerator<Batch, void, undefined>
  /** Passes events on; with the last one the turn is remembered. */
  events(events: AsyncIterable<MessageEvent>): AsyncGenerator<MessageEvent, void, undefined>
}

export interface RememberOptions {
  memory: TurnMemory
  /** What is answered. */
  chat: Chat
  /** Whether what the client is told is all that the model wrote: not if the answer was cut at a stop sequence. */
  isWhole: () => boolean
}

export function rememberTurn({ memory, chat, isWhole }: RememberOptions): Remembering {
  const all: number[] = []
  return {
    async *tokens(batches) {
      for await (const batch of batches) {
        for (const token of batch.tokens) all.push(token)
        yield batch
      }
    },
    async *events(events) {
      const { parts, ids, note } = collector()
      for await (const event of events) {
        note(event)
        if (event.type === 'message_stop' && isWhole()) {
          const generated = { tokens: Int32Array.from(all), thinking: chat.thinking }
          memory.remember({ chat, parts, ids, generated })
        }
        yield event
      }
    },
  }
}

/** The blocks of an answer as parts, from its events. */
function collector() {
  const parts: Part[] = []
  const ids: string[] = []
  let json = ''
  const note = (event: MessageEvent) => {
    if (event.type === 'content_block_start') {
      const block = event.content_block
      json = ''
      if (block.type === 'tool_use') {
        ids.push(block.id)
        parts.push({ type: 'tool_call', name: block.name, input: {} })
      } else {
        parts.push({ type: block.type, text: '' })
      }
    } else if (event.type === 'content_block_delta') {
      const last = parts.at(-1)
      if (event.delta.type === 'input_json_delta') json += event.delta.partial_json
      else if (event.delta.type === 'text_delta' && last?.type === 'text') last.text += event.delta.text
      else if (event.delta.type === 'thinking_delta' && last?.type === 'thinking') last.text += event.delta.thinking
    } else if (event.type === 'content_block_stop') {
      const last = parts.at(-1)
      if (last?.type === 'tool_call' && json !== '') last.input = JSON.parse(json) as JsonObject
    }
  }
  return { parts, ids, note }
}
