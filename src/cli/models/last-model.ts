/** Remembers the model that was used last, in a small private file, so that the picker can offer it first. */
import { readFileSync, rmSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import type { ModelSummary } from '../../models/describe-models.js'
import { writePrivate } from '../../write-private.js'

/** ~/.tether/last-model.json */
function lastModelFile(): string {
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
  writePrivate(file, `${JSON.stringify({ path })}\n`)
}

/** For a model that is gone. */
export function forgetModel(path: string, file = lastModelFile()): void {
  if (lastModel(file) === path) rmSync(file, { force: true })
}

/** The same models, the last used one first if it can still be used. */
export function lastFirst(models: ModelSummary[], last: string | undefined): ModelSummary[] {
  const isLast = ({ path, state }: ModelSummary) => path === last && state === 'ok'
  return [...models.filter(isLast), ...models.filter((model) => !isLast(model))]
}
