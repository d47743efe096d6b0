/**
 * Gemma 3's prompt, and Gemma 2's, which is the same: a Chat as the pieces that the official chat template renders.
 *
 * It differs from the official template on purpose:
 * - The model has no tool format. Our prompt describes one, with the tools, at the beginning of the first user turn,
 *   after the system text, or before it unless the order is the template's. Calls are in the model's turn in that format, and results in the user turn that follows.
 * - The official template has no system messages in the middle and wants user and model to alternate. Here a system
 *   message in the middle is part of the user turn there; one right after the first user message moves before it.
 * - Gemma 2's official template rejects a system message; here it is where Gemma 3's template has it.
 * - An assistant's text is not trimmed, so that the generated text is the beginning of the next prompt.
 * - A turn that this model wrote, and that is remembered, is rendered as its own tokens.
 * - Thoughts are dropped: these models have no place for them.
 */
import type { PromptOrder } from '../../options.js'
import type { Chat, ChatMessage, PromptPiece } from '../types.js'
import {
  arrange,
  joinText,
  matchResults,
  type PendingCall,
  type PromptWriter,
  promptWriter,
  shownResult,
} from './layout.js'
import { headingOf, taughtCall, taughtResult } from './teach-tools.js'

export function renderGemma3(chat: Chat, order: PromptOrder = 'template'): PromptPiece[] {
  const out = promptWriter()
  const { system, rest } = arrange(chat.messages)
  out.control('<bos>')
  let heading = headingOf({ system, tools: chat.tools, order })
  let calls: PendingCall[] = []
  for (let at = 0; at < rest.length; ) {
    const message = rest[at] as ChatMessage
    if (message.role === 'assistant') {
      // A model turn cannot be the first, so the heading gets a user turn of its own.
      if (heading !== '') renderUserTurn(out, [heading])
      heading = ''
      calls = renderModelTurn(out, message, at === rest.length - 1)
      at++
      continue
    }
    const texts = heading === '' ? [] : [`${heading}\n`]
    heading = ''
    for (; at < rest.length && rest[at]?.role !== 'assistant'; at++) {
      for (const text of textsOf(rest[at] as ChatMessage, calls)) texts.push(text)
      calls = []
    }
    renderUserTurn(out, texts)
  }
  if (heading !== '') renderUserTurn(out, [heading])
  if (rest.at(-1)?.role !== 'assistant') openTurn(out, 'model')
  return out.pieces
}

/** Results in the order of their calls, then the message's text. */
function textsOf(message: ChatMessage, calls: PendingCall[]): string[] {
  const { answered, others } = matchResults(calls, message.parts)
  const text = joinText(message.parts)
  return [
    ...answered.map(({ name, text, isError }) => taughtResult({ name, text, isError })),
    ...others.map(shownResult),
    ...(text === '' ? [] : [text]),
  ]
}

function renderUserTurn(out: PromptWriter, texts: string[]): void {
  openTurn(out, 'user')
  out.text(texts.join('\n').trim())
  closeTurn(out)
}

/** The last turn stays open, so that the model continues it. Returns the turn's calls. */
function renderModelTurn(out: PromptWriter, message: ChatMessage, isLast: boolean): PendingCall[] {
  openTurn(out, 'model')
  const calls = message.parts.filter((part) => part.type === 'tool_call')
  if (message.generated) out.tokens(message.generated.tokens)
  else out.text(modelText(message))
  if (!isLast) closeTurn(out)
  return calls
}

function modelText(message: ChatMessage): string {
  const pieces: string[] = []
  let isAtStart = true
  for (const part of message.parts) {
    if (part.type === 'text' && part.text !== '') {
      pieces.push(part.text)
      isAtStart = part.text.endsWith('\n')
    } else if (part.type === 'tool_call') {
      pieces.push(isAtStart ? '' : '\n', taughtCall(part.name, part.input))
      isAtStart = false
    }
  }
  return pieces.join('')
}

function openTurn(out: PromptWriter, role: string): void {
  out.control('<start_of_turn>')
  out.text(`${role}\n`)
}

function closeTurn(out: PromptWriter): void {
  out.control('<end_of_turn>')
  out.text('\n')
}
