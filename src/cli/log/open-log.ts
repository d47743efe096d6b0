/** Opens the log of this run: stderr, the file that is asked for, or one of its own while Claude Code has the screen. */
import { closeSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { TetherError } from '../../errors.js'
import { oneLine, reasonOf } from '../../one-line.js'
import { say, writeToStderr } from '../terminal/say.js'
import { type BoundedFile, boundedFile, openForLines } from './bounded-file.js'
import { createLog, type Log, type LogOptions } from './log.js'
import { openRunLog } from './log-file.js'
import type { LogLevel } from './log-levels.js'

export interface OpenLog {
  log: Log
  /** How many errors were written so far. */
  errors(): number
  /** What went wrong with the log itself and was not said yet. */
  faults(): string[]
  /** The file; unset for stderr, or if there is none. It exists once something was written. */
  path?: string
  close(): void
}

export interface LogSettings {
  logLevel: LogLevel
  logFormat: 'text' | 'json'
  /** Unset: stderr, or a file of this run. */
  logFile?: string
  logMaxSize: number
  logFiles: number
}

/** Every log file of this user. */
export function logFolder(): string {
  return join(homedir(), '.tether', 'logs')
}

/**
 * `launching`: Claude Code gets the screen, so nothing is printed until the log is closed. A home that is not writable costs
 * the log, not the session: `tell` says so. Throws `bad_config`.
 */
export function openLog(settings: LogSettings, launching: boolean, tell: (line: string) => void = say): OpenLog {
  const { logLevel: level, logFormat, logFile } = settings
  const isJson = logFormat === 'json'
  if (!launching && logFile === undefined) {
    const format = isJson ? 'json' : 'short'
    const opened = counting({ level, write: (line) => writeToStderr(`${line}\n`), format })
    return { ...opened, faults: () => [], close: () => {} }
  }
  const faults: string[] = []
  const onFault = (message: string) => {
    const fault = oneLine(`the log ${file?.path} cannot be written: ${message}`)
    if (launching) faults.push(fault)
    else say(fault)
  }
  const file = logFile === undefined ? fileOfRun(onFault, tell) : fileAt(logFile, settings, onFault)
  const opened = counting({ level, write: (line) => file?.write(line), format: isJson ? 'json' : 'full' })
  const printAgain = launching ? logWarnings(opened.log) : () => {}
  return {
    ...opened,
    path: file?.path,
    faults: () => faults.splice(0),
    close: () => {
      printAgain()
      file?.close()
      for (const fault of faults.splice(0)) say(fault)
    },
  }
}

/** Node's own warnings would be printed over Claude Code's screen. -> leaves them to Node again */
function logWarnings(log: Log): () => void {
  const onWarning = (warning: Error) => log.warning(warning)
  const printers = process.listeners('warning')
  process.removeAllListeners('warning')
  process.on('warning', onWarning)
  return () => {
    process.off('warning', onWarning)
    for (const printer of printers) process.on('warning', printer)
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

function fileOfRun(onFault: (message: string) => void, tell: (line: string) => void): BoundedFile | undefined {
  try {
    return openRunLog(logFolder(), 'tether', { onFault })
  } catch (error) {
    tell(`nothing will be logged: ${reasonOf(error)}`)
    return undefined
  }
}

/** What was asked for has to work, at the start at least. */
function fileAt(path: string, { logMaxSize, logFiles }: LogSettings, onFault: (message: string) => void): BoundedFile {
  try {
    closeSync(openForLines(path))
  } catch (cause) {
    throw new TetherError('bad_config', `the log ${oneLine(path)} cannot be written: ${reasonOf(cause)}`, { cause })
  }
  return boundedFile(path, { maxBytes: logMaxSize, older: logFiles, onFault })
}
