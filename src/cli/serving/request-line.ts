/** One line of the log about one request. */
import type { LogLine } from '../../server/serve.js'
import type { Log } from '../log/log.js'

/** Faults of tether are errors, rejected requests and dropped messages are warnings, the rest is info. */
export function logRequest(log: Log, line: LogLine): void {
  const text = requestLine(line)
  if (line.status >= 500 && line.status !== 503 && line.status !== 529) log.error(text)
  else if (line.path.startsWith('/v1/messages') && line.status >= 400 && line.status !== 499) log.warning(text)
  else if (line.dropped) log.warning(text)
  else if (line.path === '/health') log.debug(text)
  else log.info(text)
}

export function requestLine(line: LogLine): string {
  const {
    inputTokens,
    cachedTokens,
    createdTokens,
    dropped,
    ignoredTools,
    outputTokens,
    ttftMs,
    stopReason,
    invalidToolInputs = [],
    error,
  } = line
  const parts = [
    `${line.method} ${line.path} ${line.status === 499 ? '499 (client left)' : line.status}`,
    `${(line.ms / 1000).toFixed(2)} s`,
  ]
  const reuse = [cachedTokens ? `${cachedTokens} cached` : '', createdTokens ? `${createdTokens} kept` : '']
  const shown = reuse.filter(Boolean).join(', ')
  if (inputTokens !== undefined) parts.push(`${inputTokens} in${shown && ` (${shown})`}`)
  if (dropped) parts.push(`${dropped.messages} oldest messages dropped (${dropped.tokens} tokens)`)
  if (ignoredTools) parts.push(`without the tools ${ignoredTools.join(', ')}, which cannot run here`)
  if (outputTokens !== undefined) parts.push(`${outputTokens} out`)
  if (ttftMs !== undefined) parts.push(`first after ${(ttftMs / 1000).toFixed(2)} s`)
  if (stopReason) parts.push(stopReason)
  if (invalidToolInputs.length > 0) {
    parts.push(
      `${invalidToolInputs.length} ${invalidToolInputs.length === 1 ? 'call' : 'calls'} with invalid input (${invalidToolInputs.join('; ')})`,
    )
  }
  if (error) parts.push(error)
  return parts.join(', ')
}
