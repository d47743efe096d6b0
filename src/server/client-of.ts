/** Whose a request is, as far as can be told. Clients get equal shares of the engine, and places; nothing else depends on it. */

/** Tokens at the beginning of a prompt that tell clients apart where no header does: a few of the system prompt. */
const BEGINNING = 16
/** Characters of a header that count. */
const MOST = 64

/** Claude Code's session: an id. Anything else in its header names none. */
export function sessionOf(headers: Headers): string | undefined {
  return /^[\w-]{1,64}$/.exec(headers.get('x-claude-code-session-id') ?? '')?.[0]
}

/**
 * -> a name for the client of a prompt. Claude Code names its session, whose subagents share one part. Of other clients
 * the key counts, and how the prompt begins: requests that one program sends at once mostly begin alike.
 */
export function clientOf({ headers }: Request, key: string | undefined): (prompt: Int32Array) => string {
  const session = sessionOf(headers)
  const owner = `${key ?? ''}\n`
  if (session !== undefined) return () => `${owner}session ${session}`
  return (prompt) => `${owner}prompt ${prompt.subarray(0, BEGINNING).join(' ')}`
}

/** The same before the prompt is known: of clients without a session the program counts, by what it calls itself. */
export function senderOf({ headers }: Request, key: string | undefined): string {
  const session = sessionOf(headers)
  const program = (headers.get('user-agent') ?? '').slice(0, MOST)
  return `${key ?? ''}\n${session === undefined ? `program ${program}` : `session ${session}`}`
}
