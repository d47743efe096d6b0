/** The events of an item that grows: the text of an answer, or a thought. */
import type { BareEvent, ItemStatus, OutputItem, OutputText, ReasoningText } from './types.js'

export interface OpenItem {
  type: 'text' | 'thinking'
  id: string
  index: number
  texts: string[]
}

export function* openItem(item: OpenItem): Generator<BareEvent, void, undefined> {
  yield { type: 'response.output_item.added', output_index: item.index, item: asOutput(item, 'in_progress', []) }
  yield { type: 'response.content_part.added', ...place(item), part: partOf(item, '') }
}

export function deltaOf(item: OpenItem, delta: string): BareEvent {
  item.texts.push(delta)
  return item.type === 'text'
    ? { type: 'response.output_text.delta', ...place(item), delta, logprobs: [] }
    : { type: 'response.reasoning_text.delta', ...place(item), delta }
}

/** Adds it to the output. */
export function* closeItem(
  item: OpenItem,
  output: OutputItem[],
  status: ItemStatus,
): Generator<BareEvent, void, undefined> {
  const text = item.texts.join('')
  yield item.type === 'text'
    ? { type: 'response.output_text.done', ...place(item), text, logprobs: [] }
    : { type: 'response.reasoning_text.done', ...place(item), text }
  const part = partOf(item, text)
  yield { type: 'response.content_part.done', ...place(item), part }
  const done = asOutput(item, status, [part])
  output.push(done)
  yield { type: 'response.output_item.done', output_index: item.index, item: done }
}

function place({ id, index }: OpenItem) {
  return { item_id: id, output_index: index, content_index: 0 } as const
}

function partOf({ type }: OpenItem, text: string): OutputText | ReasoningText {
  return type === 'text'
    ? { type: 'output_text', text, annotations: [], logprobs: [] }
    : { type: 'reasoning_text', text }
}

function asOutput({ type, id }: OpenItem, status: ItemStatus, content: (OutputText | ReasoningText)[]): OutputItem {
  return type === 'text'
    ? { id, type: 'message', status, role: 'assistant', content: content as OutputText[] }
    : { id, type: 'reasoning', status, summary: [], content: content as ReasoningText[] }
}
