/** Finds the checkpoint that drafts for a model, and checks that it speaks the same tokens. */
import { existsSync, realpathSync, statSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { openTokenizer, tokenizerFileName } from '../chat/tokenizer/load.js'
import type { Tokenizer } from '../chat/types.js'
import { checkShapes } from '../engine/check-shapes.js'
import { type Checkpoint, readCheckpoint } from '../engine/checkpoint.js'
import { isObject } from '../engine/json-file.js'
import { ASSISTANT_TYPES } from '../engine/model-types.js'
import { checkReadable, checkSupported } from '../engine/supported.js'
import { TetherError } from '../errors.js'
import { drafterBeside } from './drafter-beside.js'

/** The share of tokens that may differ: control tokens have other names in another release of the same vocabulary. */
const MOST_DIFFERENT = 0.01

/**
 * `draft`: a folder, `auto` for what lies beside the model, or `off`. -> undefined if nothing is to draft. Throws
 * TetherError: what is there but cannot be used is not passed over. Adds a warning to the model's about one that is too large
 * to be of use.
 */
export async function findDrafter(
  draft: string,
  { model, tokenizer }: { model: Checkpoint; tokenizer: Tokenizer },
): Promise<Checkpoint | undefined> {
  const path = folderOf(draft, model.path)
  if (path === undefined) return undefined
  try {
    if (realpathSync(path) === realpathSync(model.path))
      throw new TetherError('bad_config', 'it is the model itself. Use a smaller one of the same vocabulary.')
    const drafter = await readCheckpoint(path)
    if (ASSISTANT_TYPES.includes(String(drafter.config.model_type))) checkReadable(drafter)
    else checkSupported(drafter)
    checkShapes(drafter)
    await checkVocabulary(drafter, model, tokenizer)
    if (bytesOf(drafter) > bytesOf(model))
      model.warnings.push(`the drafter ${path} is larger than the model, so it will hardly ever be asked: --draft off`)
    return drafter
  } catch (error) {
    if (!(error instanceof TetherError)) throw error
    const { code, message } = error
    const what = `the drafter ${path} cannot be used: ${message.replace(/\.?$/, '.')}`
    throw new TetherError(code, `${what} To load the model without it: --draft off`, { cause: error })
  }
}

function folderOf(draft: string, model: string): string | undefined {
  if (draft === 'off') return undefined
  if (draft === 'auto') return drafterBeside(model)
  const path = resolve(draft)
  if (isModel(path)) return path
  throw new TetherError('model_not_found', `draft is ${draft}, which is no folder of a checkpoint`)
}

function bytesOf({ files }: Checkpoint): number {
  return files.reduce((sum, file) => sum + statSync(file).size, 0)
}

function isModel(path: string): boolean {
  return existsSync(join(path, 'config.json'))
}

async function checkVocabulary(drafter: Checkpoint, model: Checkpoint, tokenizer: Tokenizer): Promise<void> {
  const other = (what: string) =>
    new TetherError('bad_config', `it has another vocabulary than ${model.path}: ${what}. Use one of the same family.`)
  if (tokenizerFileName(drafter.path) === undefined) {
    const [own, its] = [vocabSize(model), vocabSize(drafter)]
    if (own !== its) throw other(`${its} tokens, not ${own}`)
    return
  }
  const opened = await openTokenizer(drafter.path, { below: vocabSize(drafter) })
  const same = await openTokenizer(model.path, { below: vocabSize(drafter) })
  if (opened.key === same.key) return
  const { different, first } = differences(await opened.load(), tokenizer)
  const most = MOST_DIFFERENT * tokenizer.vocabSize
  if (different > most) throw other(`${different} tokens differ, the first is ${first}`)
}

function vocabSize({ config }: Checkpoint): number | undefined {
  const size = isObject(config.text_config) ? config.text_config.vocab_size : config.vocab_size
  return typeof size === 'number' ? size : undefined
}

function differences(one: Tokenizer, other: Tokenizer): { different: number; first: number } {
  let different = 0
  let first = -1
  for (let id = 0; id < Math.max(one.vocabSize, other.vocabSize); id += 1) {
    if (text(one, id) === text(other, id)) continue
    if (different === 0) first = id
    different += 1
  }
  return { different, first }
}

function text(tokenizer: Tokenizer, id: number): string | undefined {
  const bytes = tokenizer.bytes(id)
  return bytes === undefined ? tokenizer.control(id) : Buffer.from(bytes).toString('latin1')
}
