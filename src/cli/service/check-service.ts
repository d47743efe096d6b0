/** What would end the start of a service: nobody sees what that says, so it is found where the service is installed. */

import { statSync } from 'node:fs'
import { resolve } from 'node:path'
import { openAdapters } from '../../model/adapters.js'
import { demoModel } from '../../models/demo-model.js'
import { findDraft } from '../../models/find-draft.js'
import { configNames, findModel } from '../../models/find-model.js'
import { partsOf } from '../config/list-value.js'
import type { Config } from '../config/read-config.js'
import { apiKeys } from '../serving/api-keys.js'
import { moreModels } from '../serving/more-models.js'
import { readTls, tlsFiles } from '../serving/tls-files.js'
import { commandForModels, commandNaming } from '../tether-command.js'

/** Throws what the start would throw: of models, adapters, drafters, keys and certificates that are not there. */
export async function checkService(config: Pick<Config, 'settings' | 'forModel' | 'forOther'>): Promise<void> {
  const { settings } = config
  if (!isPipe(settings.apiKeyFile)) await apiKeys(settings, false)
  const tls = tlsFiles(settings)
  if (tls) readTls(tls)
  // Then the service downloads what is missing.
  if (settings.model === undefined || settings.pull === 'always') return
  const places = { modelsDir: settings.modelsDir, demo: demoModel, command: commandForModels }
  const found = findModel(settings.model, places)
  const first = { ...config.forModel(configNames(found)).settings }
  const more = moreModels(found, first, { config, places })
  findDraft(first.draft, { ...places, command: commandNaming('--draft') })
  for (const { adapter } of [first, ...(more?.others ?? []).map((other) => other.settings)])
    openAdapters(partsOf(adapter).map((folder) => resolve(folder)))
}

/** What is read from it would be missing at the start. */
function isPipe(path: string | undefined): boolean {
  return path !== undefined && statSync(path, { throwIfNoEntry: false })?.isFIFO() === true
}
