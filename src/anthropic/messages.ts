/** Anthropic's messages on a loaded model, without a server. */
import { answerTurn, prompterOf } from '../turn/answer-turn.js'
import type { Dropped } from '../turn/drop-oldest.js'
import type { InvalidToolInput, Overflow, TurnModel, TurnPart } from '../turn/types.js'
import { fold } from './fold.js'
import { toEvents } from './from-turn.js'
import { countMessage, prepareMessage } from './prepare.js'
import { newMessageId } from './protocol.js'
import type { CountTokensRequest } from './request.js'
import type { Message, MessageEvent } from './types.js'

/** How one message is to be answered. */
export interface MessageOptions {
  /** Ends the generation when it fires; the answer then throws `cancelled`. */
  signal?: AbortSignal
  /** A prompt that does not fit the window is `prompt_too_long` (the default), or its oldest turns are dropped. */
  onOverflow?: Overflow
  /** Called before the first event if turns were dropped. */
  onDropped?: (dropped: Dropped) => void
  /** Called for each tool call whose input does not fit its tool's schema; the call is in the answer all the same. */
  onInvalidToolInput?: (call: InvalidToolInput) => void
}

/**
 * The answer as events. What is wrong with the request is thrown before the first of them.
 * A signal that fires, and a reader that leaves, end the generation.
 */
export function streamMessage(
  model: TurnModel,
  request: unknown,
  { signal, onOverflow, onDropped, onInvalidToolInput }: MessageOptions = {},
): AsyncGenerator<MessageEvent, void, undefined> {
  const parts = answerTurn(
    model,
    (prompter, options) => prepareMessage(prompter, request, { ...options, onOverflow }),
    {
      signal,
      received: () => request,
      onInvalidToolInput,
    },
  )
  return toEvents(onDropped ? noteDropped(parts, onDropped) : parts, { id: newMessageId() })
}

/** The same, answered whole. */
export async function answerMessage(model: TurnModel, request: unknown, options?: MessageOptions): Promise<Message> {
  return fold(streamMessage(model, request, options))
}

/** The length of the request's prompt: the three input counts of its answer's usage, if nothing has to be dropped. */
export function countMessageTokens(model: TurnModel, request: unknown): number {
  const count = countMessage(prompterOf(model), request)
  // An adapter that is not there is refused here too.
  model.adapters?.numberOf((request as CountTokensRequest).model)
  return count
}

async function* noteDropped(
  parts: AsyncIterable<TurnPart>,
  onDropped: (dropped: Dropped) => void,
): AsyncGenerator<TurnPart, void, undefined> {
  for await (const part of parts) {
    if (part.type === 'start' && part.dropped) onDropped(part.dropped)
    yield part
  }
}
