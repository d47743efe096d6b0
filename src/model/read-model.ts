/** Everything of a model but its weights: what the loader and the list of models both need to know. */
import { basename } from 'node:path'
import { type ChatSource, chatFamily, hasTemplate, isTaught } from '../chat/families.js'
import { readTemplate } from '../chat/templates/read-template.js'
import { readVerdict, templateCache, writeVerdict } from '../chat/templates/verdict-cache.js'
import { type OpenTokenizer, openTokenizer, tokenizerFileName } from '../chat/tokenizer/load.js'
import type { ChatFamily, Tokenizer } from '../chat/types.js'
import { checkShapes } from '../engine/check-shapes.js'
import type { Checkpoint } from '../engine/checkpoint.js'
import { checkSupported } from '../engine/supported.js'
import { probeElsewhere } from './probe-elsewhere.js'

export interface ReadModel {
  tokenizer: Tokenizer
  family: ChatFamily
}

/** The control tokens of tokenizers that were read, by OpenTokenizer's key: many checkpoints have the same. */
export type KnownTokenizers = Map<string, readonly string[]>

/** Throws TetherError for whatever can be known to be wrong before the weights are read. */
export async function readModel(checkpoint: Checkpoint): Promise<ReadModel> {
  const { load } = await openFor(checkpoint)
  const tokenizer = await load()
  return { tokenizer, family: await familyFor(checkpoint, tokenizer.controls) }
}

/** Throws what readModel throws. Parses no tokenizer of a key that is in `known`; others are added to it. */
export async function checkModel(checkpoint: Checkpoint, known: KnownTokenizers): Promise<void> {
  const { key, load } = await openFor(checkpoint)
  const controls = known.get(key) ?? (await load()).controls
  known.set(key, controls)
  await familyFor(checkpoint, controls)
}

/** How a checkpoint's prompts are written and its answers are read, for people. */
export interface ChatFacts {
  /** The file that its tokens are read from. */
  tokenizer?: string
  tokens: number
  /** The file that its chat template is in; unset: it has none, so it only continues text. */
  template?: string
  /** Whose prompts and answers: gemma4, llama3, … */
  family: string
  /** How a call begins, without the tool's name; `taught`: only because tether's prompt says so. */
  call?: { begins: string; taught: boolean }
  /** How a thought begins, if it can think. */
  thought?: string
}

/** Throws what readModel throws. */
export async function readChatFacts(checkpoint: Checkpoint): Promise<ChatFacts> {
  const { tokenizer, family } = await readModel(checkpoint)
  const facts = { tokenizer: tokenizerFileName(checkpoint.path), tokens: tokenizer.vocabSize, family: family.name }
  if (!hasTemplate(family)) return facts
  const template = (await readTemplate(checkpoint.path, tokenizer.controls))?.path
  const begins = family.callStart().map((piece) => (typeof piece === 'string' ? piece : piece.control))
  return {
    ...facts,
    template: template && basename(template),
    call: { begins: begins.join(''), taught: isTaught(family) },
    thought: family.thought?.open,
  }
}

async function openFor(checkpoint: Checkpoint): Promise<OpenTokenizer> {
  checkSupported(checkpoint)
  checkShapes(checkpoint)
  return openTokenizer(checkpoint.path, { below: vocabularyOf(checkpoint) })
}

async function familyFor(checkpoint: Checkpoint, controls: readonly string[]): Promise<ChatFamily> {
  const template = await readTemplate(checkpoint.path, controls, (line) => checkpoint.warnings.push(line))
  const modelType = String(checkpoint.config.model_type)
  return chooseFamily({ modelType, has: (token) => controls.includes(token), template })
}

/** A template is probed once: what was found is kept. */
async function chooseFamily(source: ChatSource): Promise<ChatFamily> {
  const known = source.template && (await readVerdict(templateCache(), source))
  const { family, verdict } = chatFamily(source, known ?? (await probeElsewhere(source)))
  if (verdict && !known) await writeVerdict(templateCache(), source, verdict)
  return family
}

function vocabularyOf({ config }: Checkpoint): number | undefined {
  const text = config.text_config as { vocab_size?: unknown } | undefined
  const size = text?.vocab_size ?? config.vocab_size
  return typeof size === 'number' ? size : undefined
}
