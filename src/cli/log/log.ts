/** Log lines with a level, as text or as JSON: to the terminal, or to a file while Claude Code has the terminal. */
import { createConsola, type LogObject } from 'consola/core'
import { escapeControls, oneLine } from '../../one-line.js'
import { jsonLine } from './json-line.js'
import { type LogLevel, logLevels } from './log-levels.js'

/** A function for each level. Errors are written with their stacks. */
export type Log = Record<LogLevel, (...args: unknown[]) => void>

/** `full`: with the whole date and the level on every line, for a file. */
export type LogFormat = 'short' | 'full' | 'json'

export interface LogOptions {
  level: LogLevel
  /** Takes one entry without its final newline: a line, or several for an error with its stack. As JSON it is always one. */
  write: (line: string, level: LogLevel) => void
  format: LogFormat
}

/** A line of text that has fields in JSON. */
export class LogEntry {
  constructor(
    readonly text: string,
    readonly fields: object,
  ) {}

  toString(): string {
    return this.text
  }
}

/** What a client sends may be long. */
const LONGEST = 8000

export function createLog({ level, write, format }: LogOptions): Log {
  const written = { short: shortLine, full: fullLine, json: jsonEntry }[format]
  const log = (entry: LogObject) => write(written(entry), entry.type as LogLevel)
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

function jsonEntry({ date, type, args }: LogObject): string {
  const message = cut(args.map((value) => (value instanceof Error ? value.message : String(value))).join(' '))
  const [first] = args
  const more = first instanceof LogEntry ? first.fields : first instanceof Error ? { stack: first.stack } : {}
  return jsonLine({ time: date.toISOString(), level: type, message, ...more })
}

function text({ args }: LogObject): string {
  return cut(args.map(shown).join(' '))
}

function cut(line: string): string {
  return line.length > LONGEST ? `${line.slice(0, LONGEST)}…` : line
}

/** A stack has lines of its own, all indented: only an entry begins at the margin. */
function shown(value: unknown): string {
  if (!(value instanceof Error)) return oneLine(String(value))
  return escapeControls(value.stack ?? value.message).replace(/\n(?! )/g, '\n    ')
}
