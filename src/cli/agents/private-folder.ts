/** A private folder of temporary files for an agent: they may have the key in them, so they must not outlive tether. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

export interface PrivateFolder {
  path: string
  /** -> the file's path */
  write(name: string, content: string): string
  /** Safe to call twice. */
  remove(): void
}

/** Named `tether-KIND-…`. Removed at the latest when the process exits. */
export function makePrivateFolder(kind: string): PrivateFolder {
  const path = mkdtempSync(join(tmpdir(), `tether-${kind}-`))
  const remove = () => {
    process.off('exit', remove)
    rmSync(path, { recursive: true, force: true })
  }
  process.once('exit', remove)
  return {
    path,
    write(name, content) {
      const file = join(path, name)
      writeFileSync(file, content, { mode: 0o600, flag: 'wx' })
      return file
    },
    remove,
  }
}
