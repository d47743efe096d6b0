/** A model folder to a loaded model: engine, tokenizer and family, checked against each other. */
import { type ChatSource, chatFamily, NO_TEMPLATE } from '../chat/families.js'
import { readTemplate } from '../chat/templates/read-template.js'
import { readVerdict, templateCache, writeVerdict } from '../chat/templates/verdict-cache.js'
import { loadTokenizer } from '../chat/tokenizer/load.js'
import type { ChatFamily, Tokenizer } from '../chat/types.js'
import { type Checkpoint, readCheckpoint } from '../engine/checkpoint.js'
import { openEngine } from '../engine/load.js'
import { TetherError } from '../errors.js'
import { optionFault, thinkingOption } from '../options.js'
import { createTurnMemory } from '../turn/turn-memory.js'
import type { TurnModel } from '../turn/types.js'
import { generateText } from './generate.js'
import { defaultSampling } from './sampling.js'
import type { LoadedModel, OpenModelOptions } from './types.js'

/**
 * Loads a checkpoint. Everything that can be known to be wrong is found before the weights are read.
 * Throws TetherError; on failure nothing is left behind.
 */
export async function openModel(dir: string, options: OpenModelOptions = {}): Promise<LoadedModel> {
  const { thinking = thinkingOption.default, onDebug } = options
  const fault = optionFault(thinkingOption, thinking)
  if (fault) throw new TetherError('bad_config', `thinking must be ${fault}, not ${String(thinking)}`)
  const checkpoint = await readCheckpoint(dir)
  const defaults = defaultSampling(checkpoint, options.sampling)
  const type = modelType(checkpoint)
  const tokenizer = await loadTokenizer(checkpoint.path)
  const template = await readTemplate(checkpoint.path, tokenizer.controls)
  if (!template && options.needsChat) throw new TetherError('bad_config', `${checkpoint.path}: ${NO_TEMPLATE}`)
  const family = await chooseFamily({ modelType: type, has: (token) => tokenizer.controls.includes(token), template })
  checkVocabulary(checkpoint, tokenizer)
  const engine = await openEngine(checkpoint, options)
  const stopTokens = Int32Array.from(allStopTokens(checkpoint, tokenizer, family))
  const { name, path } = checkpoint
  const turns: TurnModel = {
    name,
    engine,
    tokenizer,
    family,
    defaults,
    thinking,
    stopTokens,
    memory: createTurnMemory(),
    onDebug,
  }
  return {
    info: { ...engine.info, name, path, family: family.name, sampling: defaults, thinking },
    tokenizer,
    turns,
    generate: (request) => generateText({ engine, tokenizer, defaults, stopTokens }, request),
    score: (tokens) => engine.score(Int32Array.from(tokens)),
    stats: () => engine.stats(),
    close: () => engine.close(),
  }
}

/** A template is probed once: what was found is kept. */
async function chooseFamily(source: ChatSource): Promise<ChatFamily> {
  const known = source.template && (await readVerdict(templateCache(), source))
  const { family, verdict } = chatFamily(source, known)
  if (verdict && !known) await writeVerdict(templateCache(), source, verdict)
  return family
}

function modelType(checkpoint: Checkpoint): string {
  const type = checkpoint.config.model_type
  if (typeof type === 'string') return type
  throw new TetherError('bad_config', `${checkpoint.path}/config.json has no model_type. Download the file again.`)
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

function checkVocabulary(checkpoint: Checkpoint, tokenizer: Tokenizer): void {
  const text = checkpoint.config.text_config as { vocab_size?: unknown } | undefined
  const size = text?.vocab_size ?? checkpoint.config.vocab_size
  if (typeof size !== 'number' || tokenizer.vocabSize <= size) return
  throw new TetherError(
    'bad_tokenizer',
    `${checkpoint.path}/tokenizer.json has ids up to ${tokenizer.vocabSize - 1}, but config.json says vocab_size ${size}. They belong to different checkpoints.`,
  )
}
