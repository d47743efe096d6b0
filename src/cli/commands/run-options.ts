/** What a run of tether is asked for: its settings with the modes that flags choose. */
import { demoModel } from '../../models/demo-model.js'
import { findDraft } from '../../models/find-draft.js'
import { configNames, type FoundModel } from '../../models/find-model.js'
import type { Call } from '../args.js'
import { partsOf } from '../config/list-value.js'
import { builtIn, type Config } from '../config/read-config.js'
import type { Settings } from '../config/settings-table.js'
import type { Library } from '../serving/model-server.js'
import { commandNaming } from '../tether-command.js'

export interface RunContext {
  /** Loads the library once it is needed. */
  library: () => Promise<Library>
  /** For npm start: without Claude Code, serve and print a sample answer. */
  start: boolean
  /** Do not look for Claude Code: the user was asked already. */
  declined: boolean
}

export interface RunOptions extends Settings {
  /** No Claude Code is wanted. */
  serveOnly: boolean
  /** The server goes on in the background. */
  detach: boolean
  /** Use whatever runs, or start a server whatever runs. */
  choice?: 'attach' | 'own'
  claudeArgs: string[]
  /** Whether the user chose the port. Then no other is used. */
  portAsked: boolean
}

export function runOptions({ command, flags, claudeArgs }: Call, { settings, origins }: Config): RunOptions {
  const serveOnly = command === 'serve' || Boolean(flags['serve-only'] || flags['no-claude'])
  // Who asks for a file wants to see the requests in it.
  const logLevel = settings.logFile !== undefined && origins.logLevel === builtIn ? 'info' : settings.logLevel
  const choice = flags.attach ? 'attach' : flags.own ? 'own' : undefined
  const detach = Boolean(flags.detach)
  return { ...settings, logLevel, serveOnly, detach, claudeArgs, choice, portAsked: origins.port !== builtIn }
}

/** Downloads the models that are named where they are missing and wanted. -> the exit status where that was stopped */
export async function pullNamed(options: RunOptions): Promise<number | undefined> {
  if (options.choice === 'attach') return undefined
  for (const name of ['model', 'models', 'smallModel'] as const) {
    const value = options[name]
    if (value === undefined) continue
    const { pullMissing } = await import('../models/pull-missing.js')
    const names: string[] = []
    for (const asked of name === 'models' ? partsOf(value) : [value]) {
      const named = await pullMissing(asked, options)
      if (typeof named === 'number') return named
      names.push(named)
    }
    options[name] = names.join(',')
  }
  return undefined
}

/** The settings of a model of this run, with the names that `pullNamed` leaves. Throws `model_not_found` of what is to draft. */
export function settingsFor(found: FoundModel, options: RunOptions, config: Pick<Config, 'forModel'>): Settings {
  const { logLevel, models, smallModel } = options
  const { settings } = config.forModel(configNames(found))
  const places = { modelsDir: settings.modelsDir, demo: demoModel, command: commandNaming('--draft') }
  return { ...settings, draft: findDraft(settings.draft, places), logLevel, models, smallModel }
}
