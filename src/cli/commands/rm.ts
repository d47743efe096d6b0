/** `tether rm`: deletes models, with what is kept of their prompts. Says what and how much first, and asks. */

import { TetherError } from '../../errors.js'
import { drafterBeside } from '../../model/drafter-beside.js'
import { isAlive } from '../../models/pull/is-alive.js'
import { realPath } from '../../models/real-path.js'
import { planRemoval, type Removal } from '../../models/removal.js'
import { type Removed, remove } from '../../models/remove.js'
import { showSize } from '../../models/show-size.js'
import { oneLine } from '../../one-line.js'
import { clearPrefixes } from '../../prefixes/clear.js'
import { prefixFolder } from '../../prefixes/folder.js'
import { type KeptModel, surveyPrefixes } from '../../prefixes/survey.js'
import { type Call, UsageError } from '../args.js'
import { partsOf } from '../config/list-value.js'
import { forgetModel } from '../models/last-model.js'
import { type SharedAt, serverRecords } from '../serving/running-servers.js'
import { ask } from '../terminal/ask.js'
import { isInteractive, say } from '../terminal/say.js'
import { shortPath } from '../terminal/short-path.js'
import { endLine, exitStatus, watchSignals } from '../terminal/signals.js'
import { commandForModels, tetherCommand } from '../tether-command.js'

/** -> the exit status: 1 if the user said no, or something could not be deleted. Throws TetherError and UsageError. */
export async function runRm({ words, flags }: Call, modelsDir: string): Promise<number> {
  const removals = planAll(words, modelsDir)
  for (const removal of removals) checkUnused(removal)
  const kept = keptOf(removals)
  for (const line of removals.map(planLine)) say(line)
  const ofPrompts = kept.reduce((sum, { bytes }) => sum + bytes, 0)
  if (ofPrompts > 0) say(`kept of its prompts: ${showSize(ofPrompts)} in ${shortPath(prefixFolder())}`)
  if (flags['dry-run']) return 0
  const all = removals.reduce((sum, { bytes }) => sum + bytes, ofPrompts)
  if (!flags.yes && !isInteractive()) {
    throw new UsageError(
      `there is no terminal to ask in, so nothing was deleted. To delete it:\n  ${tetherCommand(['rm', ...words, '--yes'])}`,
    )
  }
  if (!flags.yes && !(await ask(`Delete ${showSize(all)}?`, false))) {
    say('nothing was deleted')
    return 1
  }
  return deleteAll(removals, kept)
}

/** All that is named, or nothing: a name that is wrong is found before anything is deleted. */
function planAll(words: string[], modelsDir: string): Removal[] {
  const found = words.flatMap((word) => {
    try {
      return planRemoval(word, { modelsDir })
    } catch (error) {
      if (!(error instanceof TetherError)) throw error
      if (word === 'demo')
        throw new TetherError(error.code, 'the demo model is part of tether: it cannot be deleted alone')
      const list = commandForModels(['--list'])
      throw new TetherError(error.code, `${error.message}\nTo list all:\n  ${list}`, { cause: error })
    }
  })
  return found.filter(({ folder }, i) => found.findIndex((other) => other.folder === folder) === i)
}

function planLine({ name, kind, folder, files, bytes, notes }: Removal): string {
  const what = kind === 'partial' ? 'what is left of a download or deletion of ' : ''
  const size = kind === 'link' ? 'a link' : `${showSize(bytes)} in ${files} ${files === 1 ? 'file' : 'files'}`
  const about = notes.length > 0 ? ` (${notes.join('; ')})` : ''
  return `${what}${oneLine(name)}: ${size}, ${shortPath(folder)}${about}`
}

/** Throws `invalid_request` while a server has it in memory or may load it: as a model, as what drafts or as an adapter. */
function checkUnused({ name, kind, folder }: Removal): void {
  if (kind === 'partial') return
  const user = serverRecords().find(({ model, shared }) => {
    if (!shared) return model === name
    return foldersOf(shared).some((path) => path === folder || path.startsWith(`${folder}/`))
  })
  if (user === undefined) return
  const { pid, url, model } = user
  const stop = tetherCommand(['stop', new URL(url).port])
  throw new TetherError(
    'invalid_request',
    `${oneLine(name)} is used by the server of ${oneLine(model)} (process ${pid}), so nothing was deleted. To stop it:\n  ${stop}`,
  )
}

function foldersOf(server: SharedAt): string[] {
  return [server, ...(server.others ?? [])].flatMap(({ path, settings: { draft, adapter } }) => {
    const drafter = draft === 'auto' ? drafterBeside(path) : draft
    const adapters = typeof adapter === 'string' ? partsOf(adapter) : []
    const beside = [drafter, ...adapters].filter((one) => typeof one === 'string')
    return [path, ...beside.filter((one) => one !== 'off').map(realPath)]
  })
}

/** What is kept of the prompts of models that go. A link goes alone. */
function keptOf(removals: Removal[]): KeptModel[] {
  const gone = removals.filter(({ kind }) => kind === 'model' || kind === 'cached').map(({ folder }) => folder)
  try {
    return surveyPrefixes(prefixFolder()).models.filter(({ path }) => path !== null && gone.includes(realPath(path)))
  } catch {
    // A folder that cannot be read: tether cache says why.
    return []
  }
}

async function deleteAll(removals: Removal[], kept: KeptModel[]): Promise<number> {
  const signals = watchSignals()
  const stop = new AbortController()
  signals.came.then(() => stop.abort())
  let isWhole = true
  try {
    for (const removal of removals) {
      const removed = await remove(removal, stop.signal)
      if (removed.isStopped) {
        const signal = await signals.came
        endLine(signal)
        const rest = tetherCommand(['rm', removal.name])
        say(`stopped, ${showSize(removed.freed)} of ${oneLine(removal.name)} freed. To delete the rest:\n  ${rest}`)
        return exitStatus(signal)
      }
      isWhole = tell(removal, removed) && isWhole
      if (removal.kind !== 'partial') forgetModel(removal.folder)
    }
    return forgetPrompts(kept) && isWhole ? 0 : 1
  } finally {
    signals.end()
  }
}

/** -> whether all of it is gone */
function tell({ name }: Removal, { freed, failed }: Removed): boolean {
  for (const { path, reason } of failed) say(`${shortPath(path)} cannot be deleted: ${oneLine(reason)}`)
  say(`${failed.length > 0 ? 'deleted a part of' : 'deleted'} ${oneLine(name)}: ${showSize(freed)} freed`)
  return failed.length === 0
}

/** -> whether all of it is gone */
function forgetPrompts(kept: KeptModel[]): boolean {
  if (kept.length === 0) return true
  const only = kept.map(({ fingerprint }) => fingerprint)
  const { freed, failed } = clearPrefixes(prefixFolder(), { only, isAlive, withFolders: true })
  for (const { path, reason } of failed) say(`${shortPath(path)} cannot be deleted: ${oneLine(reason)}`)
  say(`deleted what was kept of its prompts: ${showSize(freed)} freed`)
  return failed.length === 0
}
