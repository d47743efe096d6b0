/** What all families' templates need: a writer of pieces, and the order of messages and results. */
import type { ChatMessage, ChatPart, JsonObject, PromptPiece } from '../types.js'

/** Collects pieces; neighbouring strings become one. */
export interface PromptWriter {
  text(text: string): void
  control(token: string): void
  /** The tokens of text that the model generated. */
  tokens(tokens: Int32Array): void
  readonly pieces: PromptPiece[]
}

export function promptWriter(): PromptWriter {
  const pieces: PromptPiece[] = []
  return {
    pieces,
    text(text) {
      const last = pieces.at(-1)
      if (text === '') return
      if (typeof last === 'string') pieces[pieces.length - 1] = last + text
      else pieces.push(text)
    },
    control(token) {
      pieces.push({ control: token })
    },
    tokens(tokens) {
      pieces.push({ tokens })
    },
  }
}

/**
 * Separates the leading system message, if there is one, from the rest. A system message directly after the first user
 * message moves before it: Claude Code describes the environment there, the same in every session of a folder. So
 * sessions share a longer prefix, and a model with a small window reads the user's words last.
 */
export function arrange(messages: ChatMessage[]): { system?: string; rest: ChatMessage[] } {
  const [first] = messages
  const leading = first?.role === 'system' ? first : undefined
  const rest = messages.slice(leading ? 1 : 0)
  const at = rest.findIndex((message) => message.role !== 'system')
  const [before, after] = [rest[at], rest[at + 1]]
  if (before?.role === 'user' && after?.role === 'system') rest.splice(at, 2, after, before)
  return { system: leading && joinText(leading.parts), rest }
}

/** A message's texts as one, each on a line of its own, trimmed as a whole. */
export function joinText(parts: ChatPart[]): string {
  return joinLines(parts.flatMap((part) => (part.type === 'text' ? [part.text] : []))).trim()
}

/** Each text on a line of its own. The end of what is joined is not looked at, which would copy all of it for each text. */
export function joinLines(texts: readonly string[]): string {
  const pieces: string[] = []
  let isAtStart = true
  for (const text of texts) {
    pieces.push(isAtStart ? text : `\n${text}`)
    isAtStart = text === '' || text.endsWith('\n')
  }
  return pieces.join('')
}

export interface PendingCall {
  id: string
  name: string
}

type Result = Extract<ChatPart, { type: 'tool_result' }>

/** `answered`: results in the order of their calls. `others`: results that answer none of these calls. */
export function matchResults(
  calls: PendingCall[],
  parts: ChatPart[],
): { answered: (Result & { name: string })[]; others: Result[] } {
  const results = parts.filter((part) => part.type === 'tool_result')
  const known = new Set(calls.map(({ id }) => id))
  // Of several calls with one id each gets a result, and the last what is left.
  const open = new Map(calls.map(({ id }, i) => [id, { last: i, taken: 0 }]))
  const byId = groupById(results)
  const answered = calls.flatMap(({ id, name }, i) => {
    const state = open.get(id) ?? { last: i, taken: 0 }
    const own = byId.get(id) ?? []
    const end = i === state.last ? own.length : Math.min(own.length, state.taken + 1)
    const part = own.slice(state.taken, end)
    state.taken = end
    return part.map((result) => ({ ...result, name }))
  })
  return { answered, others: results.filter(({ id }) => !known.has(id)) }
}

/** Things by their ids, in their order. */
export function groupById<T extends { id: string }>(things: readonly T[]): Map<string, T[]> {
  const groups = new Map<string, T[]>()
  for (const thing of things) {
    const group = groups.get(thing.id)
    if (group) group.push(thing)
    else groups.set(thing.id, [thing])
  }
  return groups
}

/** A result as the model reads it. Of an error that looks like success, the model is told. */
export function shownResult({ text, isError }: Pick<Result, 'text' | 'isError'>): string {
  return isError ? `Error: ${text}` : text
}

/** Entries sorted by key, ignoring case. */
export function sortedEntries(object: JsonObject): [string, JsonObject[string]][] {
  const folded = Object.entries(object).map((entry) => ({ entry, key: entry[0].toLowerCase() }))
  folded.sort((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : 0))
  return folded.map(({ entry }) => entry)
}
