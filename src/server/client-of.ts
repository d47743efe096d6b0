/** Whose a request is, as far as can be told. Clients get equal shares of the engine; nothing else depends on it. */

/** Tokens at the beginning of a prompt that tell clients apart where no header does: a few of the system prompt. */
const BEGINNING = 16
/** Characters of a header that count. */
const MOST = 64

/**
 * -> a name for the client of a prompt. Claude Code names its session, whose subagents share one part. Of other clients
 * the key counts, and how the prompt begins: requests that one program sends at once mostly begin alike.
 */
export function clientOf({ headers }: Request, key: string | undefined): (prompt: Int32Array) => string {
  const session = headers.get('x-claude-code-session-id')
  const owner = `${key ?? ''}\n`
  if (session) return () => `${owner}session ${session.slice(0, MOST)}`
  return (prompt) => `${owner}prompt ${prompt.subarray(0, BEGINNING).join(' ')}`
}
