/** A model folder to a loaded model: engine, tokenizer and family, checked against each other. */
import { join, resolve } from 'node:path'
import { hasTemplate, isWrittenByUs, NO_TEMPLATE, reorders } from '../chat/families.js'
import type { ChatFamily, Tokenizer } from '../chat/types.js'
import { type Checkpoint, readCheckpoint } from '../engine/checkpoint.js'
import { openEngine } from '../engine/load.js'
import type { EngineStats } from '../engine/types.js'
import { TetherError } from '../errors.js'
import {
  constrainOption,
  draftOption,
  lookupOption,
  loopGuardOption,
  namesOf,
  type Option,
  optionFault,
  promptOrderOption,
  thinkingOption,
} from '../options.js'
import { prefixFolder } from '../prefixes/folder.js'
import { createTurnMemory } from '../turn/turn-memory.js'
import type { TurnModel } from '../turn/types.js'
import { adapterNames, openAdapters } from './adapters.js'
import { findDrafter } from './drafter.js'
import { generateText } from './generate.js'
import { openGrammars } from './grammars.js'
import { openKept } from './kept.js'
import { readModel } from './read-model.js'
import { defaultSampling } from './sampling.js'
import type { LoadedModel, OpenModelOptions } from './types.js'

const NO_ORDER =
  'prompt_order "stable-first" changes nothing here: this model\'s own chat template decides where tools stand'

/**
 * Loads a checkpoint. Everything that can be known to be wrong is found before the weights are read.
 * Throws TetherError; on failure nothing is left behind.
 */
export async function openModel(dir: string, options: OpenModelOptions = {}): Promise<LoadedModel> {
  const {
    thinking = thinkingOption.default,
    promptOrder = promptOrderOption.default,
    loopGuard = loopGuardOption.default,
    lookup = lookupOption.default,
    draft = draftOption.default,
    constrain = constrainOption.default,
    onDebug,
  } = options
  checkAll({ thinking, promptOrder, loopGuard, lookup, draft, constrain })
  const checkpoint = await readCheckpoint(dir)
  const defaults = defaultSampling(checkpoint.sampling, options.sampling)
  const { tokenizer, family } = await readModel(checkpoint)
  if (options.needsChat && !hasTemplate(family))
    throw new TetherError('bad_config', `${checkpoint.path}: ${NO_TEMPLATE}`)
  if (promptOrder === 'stable-first' && hasTemplate(family) && !reorders(family, promptOrder))
    checkpoint.warnings.push(NO_ORDER)
  const cacheDir = cacheFolder(options)
  const adapters = openAdapters(options.adapters ?? [])
  const drafter = await findDrafter(draft, { model: checkpoint, tokenizer })
  const engine = await openEngine(checkpoint, { ...options, cacheDir, lookup: lookup === 'on', drafter, adapters })
  const stopTokens = Int32Array.from(allStopTokens(checkpoint, tokenizer, family))
  const { path, warnings } = checkpoint
  const base = options.name ?? checkpoint.name
  const names = adapterNames(base, adapters)
  const { name } = names
  const folder = cacheDir && engine.info.fingerprint ? join(cacheDir, engine.info.fingerprint) : undefined
  const kept = folder === undefined ? undefined : openKept({ ...options, folder, name: base, path })
  const memory = createTurnMemory({ log: kept?.turns })
  kept?.readAhead({ prefetch: (tokens) => engine.prefetch(tokens, names.numberOf(name)) }, memory)
  const turns: TurnModel = {
    name,
    adapters: names,
    engine,
    tokenizer,
    family: { ...family, render: (chat) => family.render(chat, promptOrder) },
    defaults,
    thinking,
    loopGuard,
    stopTokens,
    memory,
    grammars: openGrammars({ engine, tokenizer, family, stopTokens, constrain }),
    isQuick: tokenizer.isQuick && isWrittenByUs(family),
    source: {
      path: resolve(path),
      promptOrder,
      thinking,
      loopGuard,
      constrain,
      window: engine.info.window,
      folder,
      sessionFolder: options.sessionFolder,
    },
    onPrompt: kept?.prompted,
    onDebug,
  }
  return {
    info: {
      ...engine.info,
      name,
      names: names.all,
      path,
      family: family.name,
      sampling: defaults,
      thinking,
      promptOrder,
      constrain,
      drafter: drafter?.path,
      warnings,
    },
    tokenizer,
    turns,
    generate: (request) =>
      generateText({ engine, tokenizer, defaults, stopTokens, adapterOf: names.numberOf }, request),
    score: async (tokens, model) => engine.score(Int32Array.from(tokens), names.numberOf(model)),
    stats: () => withNotices(engine.stats(), kept?.notices() ?? []),
    close: () => engine.close(),
  }
}

const checked = {
  thinking: thinkingOption,
  promptOrder: promptOrderOption,
  loopGuard: loopGuardOption,
  lookup: lookupOption,
  draft: draftOption,
  constrain: constrainOption,
}

function checkAll(values: Record<keyof typeof checked, unknown>): void {
  for (const name of namesOf(checked)) check(name, checked[name], values[name])
}

function check(name: string, option: Option, value: unknown): void {
  const fault = optionFault(option, value)
  if (fault) throw new TetherError('bad_config', `${name} must be ${fault}, not ${String(value)}`)
}

function withNotices(stats: EngineStats, more: string[]): EngineStats {
  if (more.length === 0) return stats
  return { ...stats, cache: { ...stats.cache, notices: [...stats.cache.notices, ...more] } }
}

/** Where prefixes are kept on disk; undefined: nowhere. */
function cacheFolder({ cacheDir, diskCache }: OpenModelOptions): string | undefined {
  if (diskCache === 0 || (cacheDir === undefined && diskCache === undefined)) return undefined
  return resolve(cacheDir ?? prefixFolder())
}

/** A turn ends at the checkpoint's own stop ids and at those of its family, whichever comes first. */
function allStopTokens(checkpoint: Checkpoint, tokenizer: Tokenizer, family: ChatFamily): Set<number> {
  const ids = new Set(checkpoint.stopTokens)
  for (const token of family.stopTokens) {
    const id = tokenizer.id(token)
    if (id !== undefined) ids.add(id)
  }
  return ids
}
