/** What a command is: its words, its flags, and what --help says of them. */
import type { SettingName } from './config/settings-table.js'

export interface Flag {
  /** The placeholder for its value in --help. A flag without one is a switch. */
  hint?: string
  help: string
  /** The only values it takes. */
  of?: readonly string[]
  /** One letter. */
  alias?: string
}

export interface Command {
  summary: string
  /** For `tether -h`, where the summary is too long for a line. Commands beside each other with the same one share a line. */
  brief?: string
  /** Names of its words, in order; optional ones are in brackets, and after the last one with dots more may follow. */
  words: string[]
  /** The only values of its first word. */
  of?: readonly string[]
  flags: Record<string, Flag>
  /** Settings that it takes as flags. */
  settings: readonly SettingName[]
  examples: [command: string, meaning: string][]
}
