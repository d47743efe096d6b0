/** One line of the log about one request. */
import type { LogLine } from '../../server/serve.js'
import { type Log, LogEntry } from '../log/log.js'

/** Faults of tether are errors, rejected requests and dropped messages are warnings, the rest is info. */
export function logRequest(log: Log, line: LogLine): void {
  const text = new LogEntry(requestLine(line), line)
  if (line.status >= 500 && line.status !== 503 && line.status !== 529) log.error(text)
  else if (line.method === 'POST' && line.path.startsWith('/v1/') && line.status >= 400 && line.status !== 499)
    log.warning(text)
  else if (line.dropped || line.unheld || line.isLoop) log.warning(text)
  else if (isWatching(line)) log.debug(text)
  else log.info(text)
}

/** Monitors and the live page ask every second. */
function isWatching({ path, status }: LogLine): boolean {
  return status < 400 && /^\/(?:health|status|activity|metrics)?$/.test(path)
}

/** The first word of what the client calls itself says who it is. */
function whoAsked({ key, client, session }: LogLine): string[] {
  const name = client?.split(' ')[0]
  return [key, name, session && `session ${session.slice(0, 8)}`].filter((word): word is string => Boolean(word))
}

export function requestLine(line: LogLine): string {
  const {
    answeredBy,
    adapter,
    inputTokens,
    cachedTokens,
    createdTokens,
    dropped,
    ignoredTools,
    outputTokens,
    waitMs,
    ttftMs,
    stopReason,
    isLoop,
    invalidToolInputs = [],
    unheld = [],
    error,
  } = line
  const parts = [
    `${line.method} ${line.path} ${line.status === 499 ? '499 (client left)' : line.status}`,
    `${(line.ms / 1000).toFixed(2)} s`,
    ...whoAsked(line),
  ]
  if (answeredBy) parts.push(`by ${answeredBy}`)
  if (adapter !== undefined) parts.push(`adapter ${adapter}`)
  const reuse = [cachedTokens ? `${cachedTokens} cached` : '', createdTokens ? `${createdTokens} kept` : '']
  const shown = reuse.filter(Boolean).join(', ')
  if (inputTokens !== undefined) parts.push(`${inputTokens} in${shown && ` (${shown})`}`)
  if (dropped) parts.push(`${dropped.messages} oldest messages dropped (${dropped.tokens} tokens)`)
  if (ignoredTools) parts.push(`without the tools ${ignoredTools.join(', ')}, which cannot run here`)
  if (outputTokens !== undefined) parts.push(`${outputTokens} out`)
  if (waitMs) parts.push(`waited ${(waitMs / 1000).toFixed(2)} s`)
  if (ttftMs !== undefined) parts.push(`first after ${(ttftMs / 1000).toFixed(2)} s`)
  if (stopReason) parts.push(stopReason)
  if (isLoop) parts.push('ended because it repeated itself')
  if (invalidToolInputs.length > 0) {
    parts.push(
      `${invalidToolInputs.length} ${invalidToolInputs.length === 1 ? 'call' : 'calls'} with invalid input (${invalidToolInputs.join('; ')})`,
    )
  }
  if (unheld.length > 0) parts.push(`not held to a grammar: ${unheld.join('; ')}`)
  if (error) parts.push(error)
  return parts.join(', ')
}
