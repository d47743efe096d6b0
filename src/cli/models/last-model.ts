/** Remembers the model that was used last, in a small private file, so that the picker can offer it first. */
import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { dirname, join } from 'node:path'
import { makeFolder } from '../../make-folder.js'
import type { ModelSummary } from '../../models/describe-models.js'

/** ~/.tether/last-model.json */
export function lastModelFile(): string {
  return join(homedir(), '.tether', 'last-model.json')
}

/** The folder of the model that was used last. undefined if there was none, or if the file is missing or damaged. */
export function lastModel(file = lastModelFile()): string | undefined {
  try {
    const { path } = JSON.parse(readFileSync(file, 'utf8')) as { path?: unknown }
    return typeof path === 'string' ? path : undefined
  } catch {
    return undefined
  }
}

/** Never throws: without the file the picker only has another order. */
export function rememberModel(path: string, file = lastModelFile()): void {
  // Renamed into place, so that another tether reads a whole file or none.
  const part = `${file}.${process.pid}.part`
  try {
    makeFolder(dirname(file), 0o700)
    writeFileSync(part, `${JSON.stringify({ path })}\n`, { mode: 0o600 })
    renameSync(part, file)
  } catch {
    remove(part)
  }
}

function remove(path: string): void {
  try {
    rmSync(path, { force: true })
  } catch {
    // It cannot be there: its folder is a file, or may not be written.
  }
}

/** The same models, the last used one first if it can still be used. */
export function lastFirst(models: ModelSummary[], last: string | undefined): ModelSummary[] {
  const isLast = ({ path, state }: ModelSummary) => path === last && state === 'ok'
  return [...models.filter(isLast), ...models.filter((model) => !isLast(model))]
}
