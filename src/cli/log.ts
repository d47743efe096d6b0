/** Log lines with a level: to the terminal, or to a file while Claude Code has the terminal. */
import { type ConsolaInstance, createConsola, LogLevels, type LogObject } from 'consola/core'
import type { LogLevel } from './args.js'

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
  return createConsola({ level: LogLevels[level], reporters: [{ log }], throttle: 0 })
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
