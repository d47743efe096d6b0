/**
 * Gemma 4's prompt: a Chat as the pieces that the official chat template renders.
 *
 * It differs from the official template on purpose, so that the next prompt contains what the model generated as it was
 * generated:
 * - An assistant's text stays before its tool calls, or wherever it was generated; the official template moves it after
 *   the results. It is not trimmed. User and system text is, as in the official template.
 * - Without thinking, the empty thought after `<|turn>model` is in earlier turns too. The official template has it only
 *   in the last turn, so that turn's text changes one turn later.
 * - Thoughts of earlier turns are kept. The official template drops them at the next user message.
 * - After tool results the model turn is closed before a user or system turn opens; the official template forgets that.
 * - A call that never got its result is not followed by an open `<|tool_response>`, unless it ends the conversation.
 * - System messages in the middle stay where they are; one right after the first user message moves before it.
 * - Two assistant messages in a row are one turn, without an end between them.
 * - A null in arguments is `null`, not Python's `None`.
 * - A declaration says all that its schema says (gemma4-declaration.ts); the official template leaves most of it out.
 * - A turn that this model wrote, and that is remembered, is rendered as its own tokens.
 * - With the order `stable-first` the tools come before the system text.
 * - Results without a call in the turn before them are user text, so that nothing that a client sent is lost.
 */
import type { PromptOrder } from '../../options.js'
import type { Chat, ChatMessage, PromptPiece } from '../types.js'
import { renderDeclaration } from './gemma4-declaration.js'
import { renderObject, renderString } from './gemma4-values.js'
import {
  arrange,
  joinText,
  matchResults,
  type PendingCall,
  type PromptWriter,
  promptWriter,
  shownResult,
} from './layout.js'

export function renderGemma4(chat: Chat, order: PromptOrder = 'template'): PromptPiece[] {
  const out = promptWriter()
  const { system, rest } = arrange(chat.messages)
  out.control('<bos>')
  if (chat.thinking || system !== undefined || chat.tools.length > 0) renderOpening(out, chat, { system, order })
  const turn: ModelTurn = { open: false, calls: [] }
  for (const message of rest) renderMessage(out, message, turn, chat.thinking)
  if (!turn.open) openModelTurn(out, chat.thinking)
  // As in the official template: calls at the very end wait for their results.
  if (rest.at(-1)?.parts.at(-1)?.type === 'tool_call') out.control('<|tool_response>')
  return out.pieces
}

/** The model's turn continues through tool results; a user or system message closes it. */
interface ModelTurn {
  open: boolean
  /** Calls that have no results yet. */
  calls: PendingCall[]
}

function renderOpening(
  out: PromptWriter,
  chat: Chat,
  { system = '', order }: { system: string | undefined; order: PromptOrder },
): void {
  out.control('<|turn>')
  out.text('system\n')
  if (chat.thinking) {
    out.control('<|think|>')
    out.text('\n')
  }
  if (order !== 'stable-first') out.text(system)
  for (const tool of chat.tools) {
    out.control('<|tool>')
    renderDeclaration(out, tool)
    out.control('<tool|>')
  }
  if (order === 'stable-first') out.text(system)
  closeTurn(out)
}

function renderMessage(out: PromptWriter, message: ChatMessage, turn: ModelTurn, thinking: boolean): void {
  if (message.role === 'assistant') {
    const mayThink = message.generated?.thinking ?? (thinking || message.parts[0]?.type === 'thinking')
    if (!turn.open) openModelTurn(out, mayThink)
    turn.open = true
    renderModelParts(out, message, turn)
    return
  }
  const { answered, others } = matchResults(turn.open ? turn.calls : [], message.parts)
  for (const result of answered) renderResult(out, result.name, shownResult(result))
  turn.calls = []
  const texts = message.parts.filter((part) => part.type === 'text')
  if (answered.length > 0 && others.length === 0 && texts.length === 0) return
  if (turn.open) closeTurn(out)
  turn.open = false
  out.control('<|turn>')
  out.text(`${message.role}\n`)
  out.text(joinText([...others.map((result) => ({ type: 'text' as const, text: shownResult(result) })), ...texts]))
  closeTurn(out)
}

function openModelTurn(out: PromptWriter, mayThink: boolean): void {
  out.control('<|turn>')
  out.text('model\n')
  if (mayThink) return
  out.control('<|channel>')
  out.text('thought\n')
  out.control('<channel|>')
}

function closeTurn(out: PromptWriter): void {
  out.control('<turn|>')
  out.text('\n')
}

function renderModelParts(out: PromptWriter, message: ChatMessage, turn: ModelTurn): void {
  if (message.generated) {
    out.tokens(message.generated.tokens)
    for (const part of message.parts) if (part.type === 'tool_call') turn.calls.push(part)
    return
  }
  for (const part of message.parts) {
    if (part.type === 'text') {
      out.text(part.text)
    } else if (part.type === 'thinking') {
      out.control('<|channel>')
      out.text(`thought\n${part.text}\n`)
      out.control('<channel|>')
    } else if (part.type === 'tool_call') {
      out.control('<|tool_call>')
      out.text(`call:${part.name}`)
      renderObject(out, part.input, false)
      out.control('<tool_call|>')
      turn.calls.push(part)
    }
  }
}

function renderResult(out: PromptWriter, name: string, text: string): void {
  out.control('<|tool_response>')
  out.text(`response:${name}{value:`)
  renderString(out, text)
  out.text('}')
  out.control('<tool_response|>')
}
