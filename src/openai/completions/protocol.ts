/** OpenAI's completions as the server speaks them. */
import { TetherError } from '../../errors.js'
import type { Protocol } from '../../turn/protocol.js'
import type { TurnPart } from '../../turn/types.js'
import { chunks } from '../chunks.js'
import { completionUsage, newId, now } from '../common.js'
import { checkBody, prepareBody } from './prepare.js'
import type { Completion, CompletionEvent } from './types.js'

export const completions: Protocol<CompletionEvent> = {
  ...chunks,
  name: 'completions',
  prepareBody,
  checkBody,
  toEvents: (parts) => toEvents(parts, { id: newId('cmpl-'), created: now() }),
  foldText,
}

/** The first event is one without text, so that a stream begins at once. */
export async function* toEvents(
  parts: AsyncIterable<TurnPart>,
  { id, created }: { id: string; created: number },
): AsyncGenerator<CompletionEvent, void, undefined> {
  let model = ''
  let promptTokens = 0
  let withUsage = false
  const event = (choices: Completion['choices'], usage: Completion['usage'] = null): Completion => {
    const all: Completion = { id, object: 'text_completion', created, model, choices }
    return withUsage ? { ...all, usage } : all
  }
  const say = (text: string, finish_reason: 'stop' | 'length' | null = null) =>
    event([{ index: 0, text, logprobs: null, finish_reason }])
  for await (const part of parts) {
    if (part.type === 'start') {
      model = part.model
      promptTokens = part.promptTokens
      withUsage = (part.echo as { usage: boolean }).usage
      yield say('')
    } else if (part.type === 'finish') {
      yield say('', part.reason === 'length' ? 'length' : 'stop')
      if (withUsage) yield event([], completionUsage(promptTokens, part))
      return yield 'done'
    } else if (part.type === 'text') {
      yield say(part.text)
    }
  }
  throw new TetherError('internal', 'a turn ended without a finish')
}

/** Events to one completion, for clients that do not stream. */
export async function foldText(events: AsyncIterable<CompletionEvent>): Promise<string> {
  const texts: string[] = []
  let reason: 'stop' | 'length' | null = null
  let last: Completion | undefined
  for await (const event of events) {
    if (event === 'done') break
    last = event
    for (const choice of event.choices) {
      texts.push(choice.text)
      reason = choice.finish_reason
    }
  }
  if (!last?.usage || reason === null) throw new TetherError('internal', 'the answer broke off')
  const choice = { index: 0, text: texts.join(''), logprobs: null, finish_reason: reason }
  return JSON.stringify({ ...last, choices: [choice] })
}
