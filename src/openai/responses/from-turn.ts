/** The parts of an answer as the events of a response, in the order and with the fields that OpenAI's clients require. */
import type { ChatPart, JsonObject } from '../../chat/types.js'
import { TetherError } from '../../errors.js'
import { jsonSlices } from '../../turn/json-slices.js'
import type { TurnFinish, TurnPart, TurnStart } from '../../turn/types.js'
import { newId } from '../common.js'
import { packed, type ResponseStore } from './store.js'
import { closeItem, deltaOf, type OpenItem, openItem } from './text-item.js'
import { callItem, callPart } from './tools.js'
import type { BareEvent, OutputItem, ResponseEcho, ResponseEvent, ResponseObject } from './types.js'

export interface ResponseContext {
  /** Such as `resp_…`. */
  id: string
  /** The time in seconds. */
  now: () => number
  store: Pick<ResponseStore, 'keep'>
}

export async function* toEvents(
  parts: AsyncIterable<TurnPart>,
  context: ResponseContext,
): AsyncGenerator<ResponseEvent, void, undefined> {
  let sequence_number = 0
  for await (const event of bareEvents(parts, context)) yield { ...event, sequence_number: sequence_number++ }
}

async function* bareEvents(
  parts: AsyncIterable<TurnPart>,
  context: ResponseContext,
): AsyncGenerator<BareEvent, void, undefined> {
  const output: OutputItem[] = []
  let response: ResponseObject | undefined
  let echo: ResponseEcho | undefined
  let promptTokens = 0
  let open: OpenItem | undefined
  for await (const part of parts) {
    if (part.type === 'start') {
      echo = part.echo as ResponseEcho
      promptTokens = part.promptTokens
      response = begin(part, echo, context)
      yield { type: 'response.created', response }
      yield { type: 'response.in_progress', response }
    } else if (part.type === 'finish') {
      if (!response || !echo) break
      // An answer without any item upsets clients that read output[0].
      if (!open && output.length === 0) {
        open = newItem('text', output)
        yield* openItem(open)
      }
      if (open) yield* closeItem(open, output, part.reason === 'length' ? 'incomplete' : 'completed')
      const ended = end(response, output, promptTokens, part, context.now())
      remember(ended, echo, context.store)
      return yield { type: `response.${ended.status as 'completed' | 'incomplete'}`, response: ended }
    } else if (part.type === 'tool_call') {
      if (open) yield* closeItem(open, output, 'completed')
      open = undefined
      yield* callEvents(part, output, echo)
    } else {
      if (open && open.type !== part.type) yield* closeItem(open, output, 'completed')
      if (open?.type !== part.type) {
        open = newItem(part.type, output)
        yield* openItem(open)
      }
      yield deltaOf(open, part.text)
    }
  }
  throw new TetherError('internal', 'a turn ended without a finish')
}

function newItem(type: OpenItem['type'], output: OutputItem[]): OpenItem {
  return { type, id: newId(type === 'text' ? 'msg_' : 'rs_'), index: output.length, texts: [] }
}

function begin({ model }: TurnStart, { repeated }: ResponseEcho, { id, now }: ResponseContext): ResponseObject {
  return {
    id,
    object: 'response',
    created_at: now(),
    completed_at: null,
    status: 'in_progress',
    error: null,
    incomplete_details: null,
    model,
    output: [],
    usage: null,
    ...repeated,
  }
}

function end(
  begun: ResponseObject,
  output: OutputItem[],
  promptTokens: number,
  finish: TurnFinish,
  now: number,
): ResponseObject {
  const isCut = finish.reason === 'length'
  return {
    ...begun,
    status: isCut ? 'incomplete' : 'completed',
    completed_at: isCut ? null : now,
    incomplete_details: isCut ? { reason: 'max_output_tokens' } : null,
    output,
    usage: {
      input_tokens: promptTokens,
      input_tokens_details: { cached_tokens: finish.cachedTokens },
      output_tokens: finish.outputTokens,
      output_tokens_details: { reasoning_tokens: finish.thinkingTokens },
      total_tokens: promptTokens + finish.outputTokens,
    },
  }
}

function* callEvents(
  part: Extract<TurnPart, { type: 'tool_call' }>,
  output: OutputItem[],
  echo: ResponseEcho | undefined,
): Generator<BareEvent, void, undefined> {
  const { json = JSON.stringify(part.input) } = part
  const output_index = output.length
  const done = callItem(newId('fc_'), part, json, echo?.others ?? [])
  const at = { item_id: done.id, output_index }
  if (done.type === 'function_call') {
    const { name } = done
    yield { type: 'response.output_item.added', output_index, item: { ...done, status: 'in_progress', arguments: '' } }
    for (const delta of jsonSlices(json)) yield { type: 'response.function_call_arguments.delta', ...at, delta }
    yield { type: 'response.function_call_arguments.done', ...at, name, arguments: json }
  } else {
    const { input } = done
    yield { type: 'response.output_item.added', output_index, item: { ...done, status: 'in_progress', input: '' } }
    for (const delta of jsonSlices(input)) yield { type: 'response.custom_tool_call_input.delta', ...at, delta }
    yield { type: 'response.custom_tool_call_input.done', ...at, input }
  }
  output.push(done)
  yield { type: 'response.output_item.done', output_index, item: done }
}

/** What the next request continues: what this one said, and what was answered. */
function remember(ended: ResponseObject, { said }: ResponseEcho, store: Pick<ResponseStore, 'keep'>): void {
  const parts = ended.output.flatMap(asPart)
  if (!said) return
  const all = [said, packed([{ role: 'assistant', parts }])]
  const response = new TextEncoder().encode(JSON.stringify(ended))
  store.keep(ended.id, ended.previous_response_id ?? undefined, { said: all, response })
}

function asPart(item: OutputItem): ChatPart[] {
  if (item.type === 'function_call') return [callPart(item, JSON.parse(item.arguments) as JsonObject)]
  if (item.type === 'custom_tool_call') return [callPart(item, { input: item.input })]
  const type = item.type === 'message' ? 'text' : 'thinking'
  return item.content.filter(({ text }) => text !== '').map(({ text }) => ({ type, text }))
}
