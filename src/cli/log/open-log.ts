/** Opens the log of this run: stderr, or a file while Claude Code has the screen. */
import { homedir } from 'node:os'
import { join } from 'node:path'
import { say, writeToStderr } from '../terminal/say.js'
import { createLog, type Log, type LogOptions } from './log.js'
import { type LogFile, openRunLog } from './log-file.js'
import type { LogLevel } from './log-levels.js'

export interface OpenLog {
  log: Log
  /** How many errors were written so far. */
  errors(): number
  /** The file; unset for stderr, or if there is none. It exists once something was written. */
  path?: string
  close(): void
}

/** Every log file of this user. */
export function logFolder(): string {
  return join(homedir(), '.tether', 'logs')
}

export function logToStderr(level: LogLevel): OpenLog {
  return { ...counting({ level, write: (line) => writeToStderr(`${line}\n`), full: false }), close: () => {} }
}

/** Also logs Node's own warnings until it is closed, which Node would print over Claude Code's screen. */
export function logToFile(level: LogLevel): OpenLog {
  const file = openOrNot(logFolder())
  const { log, errors } = counting({ level, write: (line) => file?.write(line), full: true })
  const onWarning = (warning: Error) => log.warning(warning)
  const printers = process.listeners('warning')
  process.removeAllListeners('warning')
  process.on('warning', onWarning)
  return {
    log,
    errors,
    path: file?.path,
    close: () => {
      process.off('warning', onWarning)
      for (const printer of printers) process.on('warning', printer)
      file?.close()
    },
  }
}

function counting(options: LogOptions): Pick<OpenLog, 'log' | 'errors'> {
  let errors = 0
  const write: LogOptions['write'] = (line, level) => {
    if (level === 'critical' || level === 'error') errors++
    options.write(line, level)
  }
  return { log: createLog({ ...options, write }), errors: () => errors }
}

/** A home that is not writable costs the log, not the session. */
function openOrNot(folder: string): LogFile | undefined {
  try {
    return openRunLog(folder, 'tether')
  } catch (error) {
    say(`nothing will be logged: ${(error as Error).message}`)
    return undefined
  }
}
