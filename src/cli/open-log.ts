/** Which log this run writes: stderr, or a file while the screen is Claude Code's. */
import { homedir } from 'node:os'
import { join } from 'node:path'
import { createLog, type Log, type LogLevel } from './log.js'
import { type LogFile, openLogFile } from './log-file.js'
import { say } from './terminal.js'

export interface OpenLog {
  log: Log
  close(): void
}

/** With a line for every request. */
export function logToStderr(level: LogLevel): OpenLog {
  const write = (line: string) => void process.stderr.write(`${line}\n`)
  return { log: createLog({ level, write, full: false }), close: () => {} }
}

/** Takes Node's own warnings as well, until it is closed: they too would be printed into the screen. */
export function logToFile(level: LogLevel): OpenLog {
  const file = openOrNot(join(homedir(), '.tether', 'logs', 'tether.log'))
  const log = createLog({ level, write: file.write, full: true })
  const onWarning = (warning: Error) => log.warn(warning)
  const printers = process.listeners('warning')
  process.removeAllListeners('warning')
  process.on('warning', onWarning)
  return {
    log,
    close: () => {
      process.off('warning', onWarning)
      for (const printer of printers) process.on('warning', printer)
      file.close()
    },
  }
}

/** A home that cannot be written to costs the log, not the session. */
function openOrNot(path: string): Pick<LogFile, 'write' | 'close'> {
  try {
    return openLogFile(path)
  } catch (error) {
    say(`nothing will be logged: ${(error as Error).message}`)
    return { write: () => {}, close: () => {} }
  }
}
