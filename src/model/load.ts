/** A model folder to a loaded Model: engine, tokenizer and family, checked against each other. */
import { chatFamily } from '../chat/families.js'
import { readTemplate } from '../chat/templates/read-template.js'
import { loadTokenizer } from '../chat/tokenizer/load.js'
import type { ChatFamily, Tokenizer } from '../chat/types.js'
import { type Checkpoint, readCheckpoint } from '../engine/checkpoint.js'
import { openEngine } from '../engine/load.js'
import type { Engine } from '../engine/types.js'
import { TetherError } from '../errors.js'
import { generateText } from './generate.js'
import { answerMessage, countMessageTokens, type Speaker, streamMessage, type Thinking } from './messages.js'
import { defaultSampling } from './sampling.js'
import { createTurnMemory } from './turn-memory.js'
import type { LoadModelOptions, Model, ModelInfo } from './types.js'

/**
 * Loads a checkpoint. Everything that can be known to be wrong is found before the weights are read.
 * Throws TetherError; on failure nothing is left behind.
 *
 * @example
 * const model = await loadModel('demo/model')
 * const answer = await model.message({ max_tokens: 50, messages: [{ role: 'user', content: 'Say pineapple.' }] })
 * await model.close()
 */
export async function loadModel(dir: string, options: LoadModelOptions = {}): Promise<Model> {
  const thinking = checkThinking(options.thinking)
  const checkpoint = await readCheckpoint(dir)
  const defaults = defaultSampling(checkpoint, options.sampling)
  const type = modelType(checkpoint)
  const tokenizer = await loadTokenizer(checkpoint.path)
  const template = await readTemplate(checkpoint.path, tokenizer.controls)
  const family = chatFamily({ modelType: type, has: (token) => tokenizer.controls.includes(token), template })
  checkVocabulary(checkpoint, tokenizer)
  const engine = await openEngine(checkpoint, options)
  const stopTokens = Int32Array.from(allStopTokens(checkpoint, tokenizer, family))
  const { name, path } = checkpoint
  const memory = createTurnMemory()
  const { onDebug } = options
  const speaker = { name, engine, tokenizer, family, defaults, thinking, stopTokens, memory, onDebug }
  return assemble({ ...engine.info, name, path, family: family.name, sampling: defaults, thinking }, speaker)
}

function assemble(info: ModelInfo, speaker: Speaker & { engine: Engine; tokenizer: Tokenizer }): Model {
  const { engine, tokenizer, defaults, stopTokens } = speaker
  return {
    info,
    tokenizer,
    generate: (options) => generateText({ engine, tokenizer, defaults, stopTokens }, options),
    score: (tokens) => engine.score(Int32Array.from(tokens)),
    message: (request, options) => answerMessage(speaker, request, options),
    stream: (request, options) => streamMessage(speaker, request, options),
    countTokens: (request) => countMessageTokens(speaker, request),
    stats: () => engine.stats(),
    close: () => engine.close(),
  }
}

function checkThinking(thinking: Thinking = 'auto'): Thinking {
  if (['auto', 'on', 'off'].includes(thinking)) return thinking
  throw new TetherError('bad_config', `thinking is ${String(thinking)}; it has to be auto, on or off`)
}

function modelType(checkpoint: Checkpoint): string {
  const type = checkpoint.config.model_type
  if (typeof type === 'string') return type
  throw new TetherError('bad_config', `${checkpoint.path}/config.json has no model_type; get the file again`)
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
    `${checkpoint.path}/tokenizer.json has ids up to ${tokenizer.vocabSize - 1}, but config.json says vocab_size ${size}; they belong to different checkpoints`,
  )
}
