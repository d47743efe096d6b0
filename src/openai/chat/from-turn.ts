/** The parts of an answer as the chunks of a chat completion. */
import { TetherError } from '../../errors.js'
import { jsonSlices } from '../../turn/json-slices.js'
import type { TurnPart } from '../../turn/types.js'
import { completionUsage, finishReason } from '../common.js'
import type { ChatChunk, ChatEcho, ChatEvent, Delta, FinishReason, ToolCallDelta } from './types.js'

/** `id`: such as `chatcmpl-…`. `created`: in seconds. */
export async function* toEvents(
  parts: AsyncIterable<TurnPart>,
  { id, created }: { id: string; created: number },
): AsyncGenerator<ChatEvent, void, undefined> {
  let model = ''
  let promptTokens = 0
  let calls = 0
  let withUsage = false
  const chunk = (choices: ChatChunk['choices'], usage: ChatChunk['usage'] = null): ChatChunk => {
    const all: ChatChunk = { id, object: 'chat.completion.chunk', created, model, choices }
    return withUsage ? { ...all, usage } : all
  }
  const say = (delta: Delta, finish_reason: FinishReason | null = null) =>
    chunk([{ index: 0, delta, logprobs: null, finish_reason }])

  for await (const part of parts) {
    if (part.type === 'start') {
      model = part.model
      promptTokens = part.promptTokens
      withUsage = (part.echo as ChatEcho).usage
      yield say({ role: 'assistant', content: '' })
    } else if (part.type === 'finish') {
      yield say({}, finishReason(part))
      if (withUsage) yield chunk([], completionUsage(promptTokens, part))
      return yield 'done'
    } else if (part.type === 'tool_call') {
      for (const call of callDeltas(part, calls++)) yield say({ tool_calls: [call] })
    } else {
      yield say(part.type === 'text' ? { content: part.text } : { reasoning_content: part.text })
    }
  }
  throw new TetherError('internal', 'a turn ended without a finish')
}

function* callDeltas(part: Extract<TurnPart, { type: 'tool_call' }>, index: number): Generator<ToolCallDelta> {
  const { id, name, input, json = JSON.stringify(input) } = part
  yield { index, id, type: 'function', function: { name, arguments: '' } }
  for (const piece of jsonSlices(json)) yield { index, function: { arguments: piece } }
}
