/** A turn's request to token ids, and the record that running it needs. Pure, so that it can move to another thread. */
import type { ChatMessage, Piece, PromptPiece } from '../chat/types.js'
import { likelyForks } from './forks.js'
import { repetitionAllowed } from './last-request.js'
import { planHold } from './plan-hold.js'
import { makePrompt } from './prompt.js'
import { remarkRepeatedFailures } from './repeated-failures.js'
import type { Recalled } from './turn-memory.js'
import type { Overflow, PreparedTurn, Prompter, TurnRequest } from './types.js'

export interface PrepareOptions {
  /** Default: `error`. */
  onOverflow?: Overflow
  /** Whether the record has the prompt's pieces too. */
  keepPieces?: boolean
}

/** The prompt may be longer than the window if nothing can be dropped, or nothing is to be. */
export function prepareTurn(
  prompter: Prompter,
  request: TurnRequest,
  { onOverflow = 'error', keepPieces = false }: PrepareOptions = {},
): PreparedTurn {
  const { chat: asked, toolChoice: _choice, answerSchema, ...rest } = request
  const { chat, context } = readChat(prompter, request)
  const begun = begunAnswer(prompter, request)
  const { family, tokenizer, window } = prompter
  const { pieces, tokens, dropped } = makePrompt(chat, { family, tokenizer, window, begun, onOverflow })
  // An answer that the prompt or the last message has begun is not all the model's own tokens.
  const isWholeTurn = begun.length === 0 && chat.messages.at(-1)?.role !== 'assistant'
  const record = {
    ...rest,
    tools: [...asked.tools, ...(asked.deferred ?? [])],
    noCalls: request.toolChoice.type === 'none',
    thinking: chat.thinking,
    begun,
    inThought: endsWith(pieces, family.thought?.open),
    rememberAt: isWholeTurn ? context : undefined,
    dropped,
    pieces: keepPieces ? pieces : undefined,
  }
  const hold = planHold(prompter, { ...record, answerSchema, continued: continuedText(chat.messages.at(-1)) })
  const mayCall = !record.noCalls && record.tools.length > 0
  const repetition =
    prompter.loopGuard === 'off' ? undefined : repetitionAllowed(asked, { isUnheldCall: mayCall && !hold })
  return { tokens, forks: likelyForks(prompter, chat, tokens), record: { ...record, repetition, hold } }
}

/** The text that the answer continues, where the last message is one that it goes on with. */
function continuedText(last: ChatMessage | undefined): string | undefined {
  if (last?.role !== 'assistant') return undefined
  return last.parts.map((part) => (part.type === 'text' ? part.text : '')).join('')
}

/** Whether a prompt ends with this marker, white space aside. */
function endsWith(pieces: PromptPiece[], marker: string | undefined): boolean {
  const last = pieces.findLast((piece) => typeof piece !== 'string' || piece.trim() !== '')
  if (marker === undefined || last === undefined) return false
  return typeof last === 'string' ? last.trimEnd().endsWith(marker) : 'control' in last && last.control === marker
}

/** The length of a request's prompt in tokens, if nothing has to be dropped. */
export function countTurn(prompter: Prompter, request: TurnRequest): number {
  const pieces = [...prompter.family.render(readChat(prompter, request).chat), ...begunAnswer(prompter, request)]
  return prompter.tokenizer.encodePrompt(pieces).length
}

/** The chat with the tokens of the turns that this model generated, and with remarks. A model that sees no tools does not try to call any. */
function readChat({ memory, thinking, loopGuard }: Prompter, { chat, toolChoice }: TurnRequest): Recalled {
  const offered = toolChoice.type === 'none' ? { ...chat, tools: [], deferred: [] } : chat
  const { chat: known, context } = memory.recall(loopGuard !== 'off' ? remarkRepeatedFailures(offered) : offered)
  return { chat: thinking === 'auto' ? known : { ...known, thinking: thinking === 'on' }, context }
}

/** An answer that has to be a call is begun as one: the model can only continue it. */
function begunAnswer({ family }: Prompter, { toolChoice }: TurnRequest): Piece[] {
  if (toolChoice.type === 'any') return family.callStart()
  return toolChoice.type === 'tool' ? family.callStart(toolChoice.name) : []
}
