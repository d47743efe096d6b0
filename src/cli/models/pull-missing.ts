/** Downloads the model that is named where it is not on this machine, if the user wants that. */
import { join } from 'node:path'
import { demoModel } from '../../models/demo-model.js'
import { findModel } from '../../models/find-model.js'
import { isModel } from '../../models/models-dir.js'
import { ModelMissing } from '../../models/not-found.js'
import type { Repo } from '../../models/repo.js'
import type { Settings } from '../config/settings-table.js'
import { ask } from '../terminal/ask.js'
import { isInteractive } from '../terminal/say.js'
import { shortPath } from '../terminal/short-path.js'
import { givenFlags } from '../tether-command.js'

export type PullSettings = Pick<Settings, 'modelsDir' | 'pull'>

/**
 * -> the name to look for, or the exit status where the download was stopped. A model that stays missing is for who looks for
 * it, who says what to do. Contacts nobody unless `pull` is `always` or the user says yes. Throws TetherError, and Interrupted
 * after Ctrl-C.
 */
export async function pullMissing(model: string, { modelsDir, pull }: PullSettings): Promise<string | number> {
  const repo = pull === 'never' ? undefined : missing(model, modelsDir)
  if (repo === undefined || (pull === 'ask' && !isInteractive())) return model
  // A revision that was pulled has no name of its own.
  if (!isModel(join(modelsDir, repo.name)) && !(await isWanted(repo, { modelsDir, pull }))) return model
  const { runPull } = await import('../commands/pull.js')
  const modelsDirGiven = givenFlags((flag) => flag === '--models-dir').length > 0
  const status = await runPull({ model: repo.name, revision: repo.revision, modelsDir, modelsDirGiven, runsNext: true })
  return status === 0 ? repo.name : status
}

async function isWanted({ name, revision }: Repo, { modelsDir, pull }: PullSettings): Promise<boolean> {
  const { isOffline, readHub } = await import('../../models/pull/hub.js')
  if (isOffline()) return false
  if (pull === 'always') return true
  const { host } = new URL(readHub().endpoint)
  const named = revision === undefined ? name : `${name}@${revision}`
  return ask(`${named} is not on this machine. Download it from ${host} to ${shortPath(modelsDir)}?`, true)
}

function missing(model: string, modelsDir: string): Repo | undefined {
  try {
    findModel(model, { modelsDir, demo: demoModel })
    return undefined
  } catch (error) {
    return error instanceof ModelMissing ? error.repo : undefined
  }
}
