/** Claude Code's status line: ours, unless the user has one. */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

export interface StatusLineSettings {
  statusLine: { type: 'command'; command: string; padding: number; refreshInterval: number }
}

/** Seconds between two looks, so that the share of a long prompt moves while it is read. Each costs 70 ms of a core, nearly all of it the start of Node. */
const refreshSeconds = 2

/** `program`: bin/status-line.mjs. `settings`: the file that these settings will stand in, for address and key. */
export function statusLine(program: string, settings: string): StatusLineSettings {
  const command = [process.execPath, program, settings].map(quoted).join(' ')
  return { statusLine: { type: 'command', command, padding: 0, refreshInterval: refreshSeconds } }
}

/** Where the user's own settings may be. */
export interface UserPlaces {
  home: string
  /** CLAUDE_CONFIG_DIR, in place of ~/.claude. */
  configDir?: string
  /** The project: where Claude Code will run. */
  cwd: string
}

/** Whether one of the user's settings files, or what is forwarded, has a status line, or wants none. */
export function hasStatusLine(places: UserPlaces, forwarded: Record<string, unknown> = {}): boolean {
  const { home, configDir, cwd } = places
  const files = [
    join(configDir || join(home, '.claude'), 'settings.json'),
    join(cwd, '.claude', 'settings.json'),
    join(cwd, '.claude', 'settings.local.json'),
  ]
  return 'statusLine' in forwarded || files.some((file) => 'statusLine' in read(file))
}

/** Empty for what cannot be read: Claude Code itself will complain of it. */
function read(file: string): object {
  if (!existsSync(file)) return {}
  try {
    const value: unknown = JSON.parse(readFileSync(file, 'utf8'))
    return typeof value === 'object' && value !== null ? value : {}
  } catch {
    return {}
  }
}

/** For a shell. */
function quoted(word: string): string {
  return /^[\w./:@%+=-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`
}
