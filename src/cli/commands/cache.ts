/** `tether cache`: what is kept of earlier prompts on disk, by model; `tether cache clear` deletes it. */
import { resolve } from 'node:path'
import { TetherError } from '../../errors.js'
import { expandHome } from '../../models/expand-home.js'
import { isAlive } from '../../models/pull/is-alive.js'
import { showSize } from '../../models/show-size.js'
import { close } from '../../nearest.js'
import { oneLine, reasonOf } from '../../one-line.js'
import { clearPrefixes } from '../../prefixes/clear.js'
import { prefixFolder } from '../../prefixes/folder.js'
import { type Foreign, type KeptModel, type Survey, surveyPrefixes } from '../../prefixes/survey.js'
import { type Call, UsageError } from '../args.js'
import { say } from '../terminal/say.js'
import { shortPath } from '../terminal/short-path.js'
import { table } from '../terminal/table.js'
import { stripControls } from '../terminal/text-width.js'
import { tetherCommand } from '../tether-command.js'

/** -> the exit status: 1 if something could not be deleted. Throws TetherError and UsageError. */
export function runCache({ words: [action, model], flags }: Call, folder = prefixFolder()): number {
  if (action !== 'clear') {
    const survey = surveyOf(folder)
    const width = process.stdout.isTTY ? process.stdout.columns : undefined
    process.stdout.write(flags.json ? surveyAsJson(survey, folder) : cacheReport(survey, folder, width))
    return 0
  }
  if (flags.json) throw new UsageError('--json is for the list: tether cache clear prints none')
  return clear(folder, model)
}

/** `model`: as it was typed. Without one, everything. */
function clear(folder: string, model: string | undefined): number {
  const only = model === undefined ? undefined : fingerprintsOf(model, surveyOf(folder).models)
  const { freed, files, foreign, failed } = clearPrefixes(folder, { only, isAlive })
  for (const line of foreignLines(foreign)) say(line)
  for (const { path, reason } of failed) say(`${shortPath(path)} cannot be deleted: ${oneLine(reason)}`)
  if (files === 0 && failed.length === 0) say(`nothing is kept in ${shortPath(folder)}`)
  else say(`${showSize(freed)} freed: ${files} ${files === 1 ? 'file' : 'files'} of ${shortPath(folder)} deleted`)
  return failed.length > 0 ? 1 : 0
}

function surveyOf(folder: string): Survey {
  try {
    return surveyPrefixes(folder)
  } catch (cause) {
    throw new TetherError('bad_config', `${shortPath(folder)} cannot be read: ${reasonOf(cause)}`, { cause })
  }
}

/** A model by its name, the last part of it, its folder, or the beginning of its fingerprint. */
function fingerprintsOf(typed: string, models: KeptModel[]): string[] {
  const isFolder = /^[~./]/.test(typed) ? resolve(expandHome(typed)) : undefined
  const ways: ((kept: KeptModel) => boolean)[] = [
    ({ model }) => model === typed,
    ({ path }) => path !== null && path === isFolder,
    ({ model }) => model?.split('/').at(-1) === typed,
    ({ fingerprint }) => typed.length >= 8 && fingerprint.startsWith(typed),
  ]
  for (const isMeant of ways) {
    const found = models.filter(isMeant).map(({ fingerprint }) => fingerprint)
    if (found.length > 0) return found
  }
  const names = models.map(nameOf)
  const [near] = close(typed, names, 1)
  const hint = near ? ` Did you mean ${near}?` : ''
  throw new TetherError(
    'model_not_found',
    `nothing is kept of ${typed}.${hint} To see what is kept:\n  ${tetherCommand(['cache'])}`,
  )
}

const heads = ['size', 'blocks', 'sessions', 'tokens', 'hits', 'last used']

/** A table, with its final newline. `width`: columns of the terminal. */
function cacheReport({ models, foreign }: Survey, folder: string, width?: number): string {
  const where = shortPath(folder)
  const left = foreignLines(foreign)
  if (models.length === 0) return `${[`Nothing is kept in ${where}.`, ...left].join('\n')}\n`
  const rows = [['model', ...heads], ...models.map((kept) => [nameOf(kept), ...cellsOf(kept)])]
  const lines = table(rows, { width, left: [0, heads.length], drop: [2, 3, 5, 4] })
  const all = models.reduce((sum, { bytes }) => sum + bytes, 0)
  const sum = `${showSize(all)} in ${where}. To delete it:\n  ${tetherCommand(['cache', 'clear'])}`
  return `${[...lines, '', sum, ...left].join('\n')}\n`
}

function surveyAsJson({ models, foreign }: Survey, folder: string): string {
  return `${JSON.stringify({ folder, models, foreign }, null, 2)}\n`
}

/** The fingerprint, where no about.json says more. */
function nameOf({ model, fingerprint }: KeptModel): string {
  return model === null ? fingerprint : stripControls(model)
}

function cellsOf({ bytes, blocks, sessions, tokens, hits, lastUsed }: KeptModel): string[] {
  return [showSize(bytes), ...[blocks, sessions, tokens, hits].map(String), lastUsed ? minute(lastUsed) : '-']
}

/** Local time: 2026-11-29 09:12. */
function minute(date: Date): string {
  const two = (number: number) => String(number).padStart(2, '0')
  const day = `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`
  return `${day} ${two(date.getHours())}:${two(date.getMinutes())}`
}

function foreignLines(foreign: Foreign[]): string[] {
  const reason = { newer: 'of a later version of tether', unknown: "not one of tether's" }
  return foreign.map(({ path, why }) => `left alone: ${stripControls(shortPath(path))} (${reason[why]})`)
}
