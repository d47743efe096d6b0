/** Chunks to one chat completion, for clients that do not stream. */
import { TetherError } from '../../errors.js'
import type { ChatChunk, ChatCompletion, ChatEvent, Delta, ToolCall } from './types.js'

export async function foldText(events: AsyncIterable<ChatEvent>): Promise<string> {
  return JSON.stringify(await fold(events))
}

export async function fold(events: AsyncIterable<ChatEvent>): Promise<ChatCompletion> {
  const content: string[] = []
  const reasoning: string[] = []
  const calls: ToolCall[] = []
  let last: ChatChunk | undefined
  let reason: ChatCompletion['choices'][0]['finish_reason'] | null = null
  for await (const event of events) {
    if (event === 'done') break
    last = event
    for (const { delta, finish_reason } of event.choices) {
      content.push(delta.content ?? '')
      reasoning.push(delta.reasoning_content ?? '')
      extend(calls, delta)
      reason = finish_reason
    }
  }
  if (!last?.usage || reason === null) throw new TetherError('internal', 'the answer broke off')
  const { id, created, model, usage } = last
  const text = content.join('')
  const thought = reasoning.join('')
  const message: ChatCompletion['choices'][0]['message'] = {
    role: 'assistant',
    content: text === '' && calls.length > 0 ? null : text,
    refusal: null,
  }
  if (thought !== '') message.reasoning_content = thought
  if (calls.length > 0) message.tool_calls = calls
  const choice = { index: 0, message, logprobs: null, finish_reason: reason } as const
  return { id, object: 'chat.completion', created, model, choices: [choice], usage }
}

function extend(calls: ToolCall[], { tool_calls: deltas = [] }: Delta): void {
  for (const { index, id, function: given } of deltas) {
    const call = calls[index]
    if (call) call.function.arguments += given.arguments ?? ''
    else calls[index] = { id: id ?? '', type: 'function', function: { name: given.name ?? '', arguments: '' } }
  }
}
