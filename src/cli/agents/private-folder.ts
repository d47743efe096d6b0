/** A private folder of temporary files for an agent: they may have the key in them, so they must not outlive tether. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { TetherError } from '../../errors.js'
import { oneLine, reasonOf } from '../../one-line.js'

export interface PrivateFolder {
  path: string
  /** -> the file's path */
  write(name: string, content: string): string
  /** Safe to call twice. */
  remove(): void
}

/** Named `tether-KIND-…`. Removed at the latest when the process exits. Throws `bad_config`, as `write` does. */
export function makePrivateFolder(kind: string): PrivateFolder {
  const path = inTemporary(() => mkdtempSync(join(tmpdir(), `tether-${kind}-`)))
  const remove = () => {
    process.off('exit', remove)
    rmSync(path, { recursive: true, force: true })
  }
  process.once('exit', remove)
  return {
    path,
    write(name, content) {
      const file = join(path, name)
      inTemporary(() => writeFileSync(file, content, { mode: 0o600, flag: 'wx' }))
      return file
    },
    remove,
  }
}

/** The disk may be full, and TMPDIR may name what is not there. */
function inTemporary<T>(write: () => T): T {
  try {
    return write()
  } catch (cause) {
    const where = oneLine(tmpdir())
    const fix = 'Make room there, or set TMPDIR to another folder.'
    throw new TetherError('bad_config', `${where} cannot hold temporary files: ${reasonOf(cause)}. ${fix}`, { cause })
  }
}
