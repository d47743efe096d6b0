/** Log lines with a level: to the terminal, or to a file while Claude Code has the terminal. */
import { createConsola, type LogObject } from 'consola/core'
import { escapeControls, oneLine } from '../terminal/text-width.js'
import { type LogLevel, logLevels } from './log-levels.js'

/** A function for each level. Errors are written with their stacks. */
export type Log = Record<LogLevel, (...args: unknown[]) => void>

export interface LogOptions {
  level: LogLevel
  /** Takes one entry without its final newline: a line, or several for an error with its stack. */
  write: (line: string, level: LogLevel) => void
  /** Print the whole date and the level on every line, for a file. */
  full: boolean
}

export function createLog({ level, write, full }: LogOptions): Log {
  const format = full ? fullLine : shortLine
  const log = (entry: LogObject) => write(format(entry), entry.type as LogLevel)
  // Levels of our own: consola gives critical and error the same rank.
  const types = Object.fromEntries(logLevels.map((name, rank) => [name, { level: rank }]))
  // No throttling: two equal requests are two lines.
  const options = { types, level: logLevels.indexOf(level), reporters: [{ log }], throttle: 0 }
  return createConsola(options as object) as unknown as Log
}

function shortLine(entry: LogObject): string {
  const time = entry.date.toTimeString().slice(0, 8)
  const loud = logLevels.indexOf(entry.type as LogLevel) <= logLevels.indexOf('warning')
  return `${time}${loud ? ` ${entry.type}:` : ''} ${text(entry)}`
}

function fullLine(entry: LogObject): string {
  return `${entry.date.toISOString()} ${entry.type} ${text(entry)}`
}

function text({ args }: LogObject): string {
  return args.map(shown).join(' ')
}

/** A stack has lines of its own, all indented: only an entry begins at the margin. */
function shown(value: unknown): string {
  if (!(value instanceof Error)) return oneLine(String(value))
  return escapeControls(value.stack ?? value.message).replace(/\n(?! )/g, '\n    ')
}
