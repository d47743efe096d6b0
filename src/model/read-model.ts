/** Everything of a model but its weights: what the loader and the list of models both need to know. */
import { type ChatSource, chatFamily } from '../chat/families.js'
import { readTemplate } from '../chat/templates/read-template.js'
import { readVerdict, templateCache, writeVerdict } from '../chat/templates/verdict-cache.js'
import { loadTokenizer } from '../chat/tokenizer/load.js'
import type { ChatFamily, Tokenizer } from '../chat/types.js'
import { checkShapes } from '../engine/check-shapes.js'
import type { Checkpoint } from '../engine/checkpoint.js'
import { checkSupported } from '../engine/supported.js'

export interface ReadModel {
  tokenizer: Tokenizer
  family: ChatFamily
}

/** Throws TetherError for whatever can be known to be wrong before the weights are read. */
export async function readModel(checkpoint: Checkpoint): Promise<ReadModel> {
  checkSupported(checkpoint)
  checkShapes(checkpoint)
  const tokenizer = await loadTokenizer(checkpoint.path, { below: vocabularyOf(checkpoint) })
  const template = await readTemplate(checkpoint.path, tokenizer.controls, (line) => checkpoint.warnings.push(line))
  const modelType = String(checkpoint.config.model_type)
  const family = await chooseFamily({ modelType, has: (token) => tokenizer.controls.includes(token), template })
  return { tokenizer, family }
}

/** A template is probed once: what was found is kept. */
async function chooseFamily(source: ChatSource): Promise<ChatFamily> {
  const known = source.template && (await readVerdict(templateCache(), source))
  const { family, verdict } = chatFamily(source, known)
  if (verdict && !known) await writeVerdict(templateCache(), source, verdict)
  return family
}

function vocabularyOf({ config }: Checkpoint): number | undefined {
  const text = config.text_config as { vocab_size?: unknown } | undefined
  const size = text?.vocab_size ?? config.vocab_size
  return typeof size === 'number' ? size : undefined
}
