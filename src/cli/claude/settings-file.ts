/** A private file for Claude Code's --settings, with the key in it. */
import { join } from 'node:path'
import { makePrivateFolder } from '../agents/private-folder.js'

export interface SettingsFile {
  path: string
  /** Holds nothing else. */
  folder: string
  /** Safe to call twice. */
  remove(): void
}

/** `settings` gets the file's path, for the status line's command. Removed at the latest when the process exits. */
export function writeSettingsFile(settings: (path: string) => object): SettingsFile {
  const { path: folder, write, remove } = makePrivateFolder('settings')
  const name = 'settings.json'
  const path = write(name, JSON.stringify(settings(join(folder, name)), null, 2))
  return { path, folder, remove }
}
