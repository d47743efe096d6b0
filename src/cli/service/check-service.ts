/** What would end the start of a service: nobody sees what that says, so it is found where the service is installed. */

import { statSync } from 'node:fs'
import { resolve } from 'node:path'
import { TetherError } from '../../errors.js'
import { openAdapters } from '../../model/adapters.js'
import { demoModel } from '../../models/demo-model.js'
import { configNames, findModel } from '../../models/find-model.js'
import { isModel } from '../../models/models-dir.js'
import { partsOf } from '../config/list-value.js'
import type { Config } from '../config/read-config.js'
import type { Settings } from '../config/settings-table.js'
import { apiKeys } from '../serving/api-keys.js'
import { moreModels } from '../serving/more-models.js'
import { readTls, tlsFiles } from '../serving/tls-files.js'
import { commandForModels } from '../tether-command.js'

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
  for (const one of [first, ...(more?.others ?? []).map((other) => other.settings)]) checkBeside(one)
}

function checkBeside({ adapter, draft }: Settings): void {
  openAdapters(partsOf(adapter).map((folder) => resolve(folder)))
  if (draft === 'auto' || draft === 'off' || isModel(resolve(draft))) return
  throw new TetherError('model_not_found', `draft is ${draft}, which is no folder of a checkpoint`)
}

/** What is read from it would be missing at the start. */
function isPipe(path: string | undefined): boolean {
  return path !== undefined && statSync(path, { throwIfNoEntry: false })?.isFIFO() === true
}
