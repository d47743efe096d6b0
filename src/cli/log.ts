/** Log lines with a level: to the terminal, or to a file while Claude Code has the terminal. */
import { type ConsolaInstance, createConsola, LogLevels, type LogObject } from 'consola/core'

/** From the fewest lines to the most. */
export const logLevels = ['critical', 'error', 'warning', 'info', 'debug', 'trace'] as const
export type LogLevel = (typeof logLevels)[number]

const levels: Record<LogLevel, number> = {
  critical: LogLevels.fatal - 1,
  error: LogLevels.error,
  warning: LogLevels.warn,
  info: LogLevels.info,
  debug: LogLevels.debug,
  trace: LogLevels.trace,
}

export type Log = ConsolaInstance

export interface LogOptions {
  level: LogLevel
  /** Takes one line, without its end. */
  write: (line: string) => void
  /** Whole date and level on every line, as a file wants it. */
  full: boolean
}

export function createLog({ level, write, full }: LogOptions): Log {
  const format = full ? fullLine : shortLine
  const log = (entry: LogObject) => write(format(entry))
  // Two equal requests are two lines: no throttling.
  return createConsola({ level: levels[level], reporters: [{ log }], throttle: 0 })
}

function shortLine(entry: LogObject): string {
  const time = entry.date.toTimeString().slice(0, 8)
  const mark = entry.type === 'error' || entry.type === 'warn' ? ` ${entry.type}:` : ''
  return `${time}${mark} ${text(entry)}`
}

function fullLine(entry: LogObject): string {
  return `${entry.date.toISOString()} ${entry.type} ${text(entry)}`
}

function text({ args }: LogObject): string {
  return args.map((value) => (value instanceof Error ? (value.stack ?? value.message) : String(value))).join(' ')
}
