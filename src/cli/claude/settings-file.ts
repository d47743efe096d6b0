/** A private file for Claude Code's --settings. It holds the key, so it must not outlive tether. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

export interface SettingsFile {
  path: string
  /** Holds nothing else. */
  folder: string
  /** Safe to call twice. */
  remove(): void
}

/** `settings` gets the file's path, for the status line's command. Removed at the latest when the process exits. */
export function writeSettingsFile(settings: (path: string) => object): SettingsFile {
  const folder = mkdtempSync(join(tmpdir(), 'tether-settings-'))
  const remove = () => {
    process.off('exit', remove)
    rmSync(folder, { recursive: true, force: true })
  }
  process.once('exit', remove)
  const path = join(folder, 'settings.json')
  writeFileSync(path, JSON.stringify(settings(path), null, 2), { mode: 0o600, flag: 'wx' })
  return { path, folder, remove }
}
