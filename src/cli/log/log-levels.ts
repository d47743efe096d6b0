/** The names of the log levels: apart from log.ts, since every command reads them and few write a log. */

/** From the fewest lines to the most. */
export const logLevels = ['critical', 'error', 'warning', 'info', 'debug', 'trace'] as const
export type LogLevel = (typeof logLevels)[number]
