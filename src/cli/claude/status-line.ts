/** Claude Code's status line: tether's, unless the user has one. */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { quoted } from '../terminal/quoted.js'

export interface StatusLineSettings {
  statusLine: { type: 'command'; command: string; padding: number; refreshInterval: number }
}

/** Seconds between refreshes, to show progress on a long prompt. Each costs 70 ms of a core, mostly Node's start. */
const refreshSeconds = 2

/** `program`: bin/status-line.mjs. `settings`: the file that will hold these settings, with address and key. */
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

/** Whether the user's settings files, or the forwarded settings, set a status line or turn it off. */
export function hasStatusLine(places: UserPlaces, forwarded: Record<string, unknown> = {}): boolean {
  const { home, configDir, cwd } = places
  const files = [
    join(configDir || join(home, '.claude'), 'settings.json'),
    join(cwd, '.claude', 'settings.json'),
    join(cwd, '.claude', 'settings.local.json'),
  ]
  return 'statusLine' in forwarded || files.some((file) => 'statusLine' in read(file))
}

/** Empty if the file cannot be read: Claude Code reports that itself. */
function read(file: string): object {
  if (!existsSync(file)) return {}
  try {
    const value: unknown = JSON.parse(readFileSync(file, 'utf8'))
    return typeof value === 'object' && value !== null ? value : {}
  } catch {
    return {}
  }
}
