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

/** How much repetition the answer to this chat is asked for; undefined: none. */
export function repetitionAskedIn({ messages }: Pick<Chat, 'messages'>): Repetition | undefined {
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
  const texts = parts.flatMap((part) => (part.type === 'text' && part.text !== '' ? [part.text] : []))
  return ENCLOSED.reduce((text, [open, close]) => without(text, open, close), texts.join('\n')).trim()
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
