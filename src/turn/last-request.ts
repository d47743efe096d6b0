/** What a person asked for last, in a chat whose user messages also hold results of tools and notes of the client. */
import type { Chat, ChatMessage } from '../chat/types.js'
import type { Repetition } from '../engine/types.js'
import { askedRepetition, bareNumber } from './asked-repetition.js'

/** Between these stands what nobody typed: notes and outputs that clients send along, and files. */
const ENCLOSED: readonly (readonly [string, string])[] = [
  ...[
    'system-reminder',
    'local-command-stdout',
    'local-command-stderr',
    'local-command-caveat',
    'bash-input',
    'bash-stdout',
    'bash-stderr',
    'command-name',
    'command-message',
    'environment_context',
    'user_instructions',
    'INSTRUCTIONS',
  ].map((tag): [string, string] => [`<${tag}>`, `</${tag}>`]),
  ['[Request interrupted', ']'],
  ['```', '```'],
]

/** A message up to so many characters goes on with what was asked before it: `continue`, `go on, please`. */
const SHORT = 40
/** Messages of a person that are looked at: the last one, and those that short ones go on with. */
const LOOKED_AT = 4

/** Tokens that data of a call may repeat, a quarter less, since the engine adds that to what is asked for. */
const IN_A_CALL = 6554

/** A system text up to so many characters is an instruction of the client for this chat; longer ones are full of numbers. */
const SHORT_SYSTEM = 400

/**
 * How much repetition the answer to this chat may have beyond what any may; undefined: none. `isUnheldCall`: it may be a call, and
 * no grammar tells the engine where that begins, so the whole answer has the limit of one.
 */
export function repetitionAllowed(
  chat: Pick<Chat, 'messages'>,
  { isUnheldCall = false }: { isUnheldCall?: boolean } = {},
): Repetition | undefined {
  const asked = repetitionAskedIn(chat)
  if (!isUnheldCall) return asked
  return { times: asked?.times ?? 0, tokens: Math.max(asked?.tokens ?? 0, IN_A_CALL) }
}

/** How much of it the chat asks for. */
export function repetitionAskedIn({ messages }: Pick<Chat, 'messages'>): Repetition | undefined {
  const system = messages[0]?.role === 'system' ? textOf(messages[0]) : ''
  const always = system.length <= SHORT_SYSTEM ? askedRepetition(system) : undefined
  return most(always, lastAsked(messages))
}

function most(one: Repetition | undefined, other: Repetition | undefined): Repetition | undefined {
  if (!one || !other) return one ?? other
  return { times: Math.max(one.times, other.times), tokens: Math.max(one.tokens, other.tokens) }
}

function lastAsked(messages: ChatMessage[]): Repetition | undefined {
  let looked = 0
  // Of `now 500` behind `write it 200 times`.
  let later = 0
  for (let i = messages.length - 1; i >= 0 && looked < LOOKED_AT; i--) {
    const text = typed(messages[i] as ChatMessage)
    if (text === '') continue
    looked++
    const asked = askedRepetition(text)
    if (asked) return asked.times > 0 ? { ...asked, times: Math.max(asked.times, later) } : asked
    if (text.length > SHORT) return undefined
    later = Math.max(later, bareNumber(text))
  }
  return undefined
}

/** The text of a user's message without what stands between those marks. */
function typed({ role, parts }: ChatMessage): string {
  if (role !== 'user') return ''
  return ENCLOSED.reduce((text, [open, close]) => without(text, open, close), textOf({ parts })).trim()
}

function textOf({ parts }: Pick<ChatMessage, 'parts'>): string {
  return parts.flatMap((part) => (part.type === 'text' && part.text !== '' ? [part.text] : [])).join('\n')
}

function without(text: string, open: string, close: string): string {
  let kept = ''
  let from = 0
  for (;;) {
    const at = text.indexOf(open, from)
    const end = at < 0 ? -1 : text.indexOf(close, at + open.length)
    if (end < 0) return kept + text.slice(from)
    kept += text.slice(from, at)
    from = end + close.length
  }
}
