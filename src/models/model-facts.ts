/** Everything that is known of one model without loading its weights, for `tether show`. */
import { readdirSync, statSync } from 'node:fs'
import { basename, join } from 'node:path'
import { readCheckpoint } from '../engine/checkpoint.js'
import { drafterBeside } from '../model/drafter-beside.js'
import { type ChatFacts, readChatFacts } from '../model/read-model.js'
import { oneLine } from '../one-line.js'
import { parsePythonJson } from '../python-json.js'
import { MOST_OF_JSON, readRegularFileSync } from '../read-file.js'
import { type Fields, object, positive, string, textPart } from './config-fields.js'
import { contextNeed, type LayerCounts, layerCounts } from './context-need.js'
import { type DescribeOptions, describeModel, elementFor, type ModelSummary } from './describe-models.js'
import { countParameters, type Parameters } from './parameters.js'
import { receiptFile } from './pull/receipt.js'

/** Sizes in bytes, windows in tokens. What is not known is unset. */
export interface ModelFacts extends Omit<ModelSummary, 'place'> {
  parameters?: Parameters
  layers?: LayerCounts
  /** Tokens that a sliding layer sees. */
  slidingWindow?: number
  heads?: { attention: number; keyValue: number; size?: number }
  hiddenSize?: number
  /** How prompts are written and answers are read; of a model that can be loaded. */
  chat?: ChatFacts
  /** The folder of what `--draft auto` drafts with. */
  drafter?: string
  /** Of a LoRA adapter: the model that it changes. */
  baseModel?: string
  license?: string
  /** Those at the top of the folder. */
  files: { name: string; bytes: number }[]
  /** What keys and values take: for each token of the window, and whatever the window is. */
  context?: { perToken: number; fixed: number; element: number }
}

/** Never throws because of the model: what is wrong with it is its `fault`. */
export async function modelFacts(found: { name: string; path: string }, options: DescribeOptions): Promise<ModelFacts> {
  const { name, path } = found
  const facts: ModelFacts = {
    ...{ name, path },
    ...(await describeModel(path, options)),
    baseModel: baseModelOf(path),
    drafter: drafterBeside(path),
    license: licenseOf(path),
    files: filesAt(path),
  }
  try {
    const checkpoint = await readCheckpoint(path)
    const { config, headers } = checkpoint
    const isOk = facts.state === 'ok'
    return {
      ...facts,
      ...shapeOf(config),
      parameters: countParameters(config, headers),
      context: contextOf(config, elementFor(options)),
      chat: isOk ? await readChatFacts(checkpoint) : undefined,
    }
  } catch {
    // The fault says it.
    return facts
  }
}

function shapeOf(config: Fields): Pick<ModelFacts, 'layers' | 'slidingWindow' | 'heads' | 'hiddenSize'> {
  const text = textPart(config)
  const hiddenSize = positive(text.hidden_size)
  const attention = positive(text.num_attention_heads)
  const layers = layerCounts(config)
  const slidingWindow = layers && layers.sliding > 0 ? positive(text.sliding_window) : undefined
  if (attention === undefined) return { layers, slidingWindow, hiddenSize }
  const keyValue = positive(text.num_key_value_heads) ?? attention
  const size = positive(text.head_dim) ?? (hiddenSize && hiddenSize / attention)
  return { layers, slidingWindow, hiddenSize, heads: { attention, keyValue, size } }
}

function contextOf(config: Fields, element: number): ModelFacts['context'] {
  const need = contextNeed(config, element)
  return need && { ...need, element }
}

function baseModelOf(path: string): string | undefined {
  return string(fieldsIn(join(path, 'adapter_config.json'))?.base_model_name_or_path)
}

/** As the hub said when it was pulled, else by the head of README.md, else the first line of its license. */
function licenseOf(path: string): string | undefined {
  const pulled = string(fieldsIn(join(path, receiptFile))?.license)
  if (pulled !== undefined) return oneLine(pulled)
  const [, head = ''] = /^---\r?\n([\s\S]*?)\r?\n---/.exec(textOf(join(path, 'README.md')) ?? '') ?? []
  const field = (key: string) => new RegExp(`^${key}:[ \\t]*["']?([^"'\\r\\n#]+)`, 'm').exec(head)?.[1]?.trim()
  const stated = field('license_name') ?? field('license')
  if (stated) return shortened(stated)
  const texts = ['LICENSE', 'LICENSE.txt', 'LICENSE.md'].map((name) => textOf(join(path, name)))
  const first = texts.find((text) => text !== undefined)?.match(/^[#\s]*(\S.*)$/m)?.[1]
  return first && shortened(first.trim())
}

function shortened(text: string): string {
  return oneLine(text.length > 80 ? `${text.slice(0, 79)}…` : text)
}

function fieldsIn(path: string): Fields | undefined {
  try {
    return object(parsePythonJson(textOf(path) ?? ''))
  } catch {
    return undefined
  }
}

function textOf(path: string): string | undefined {
  try {
    return readRegularFileSync(path, MOST_OF_JSON).toString('utf8')
  } catch {
    return undefined
  }
}

function filesAt(path: string): ModelFacts['files'] {
  try {
    const about = statSync(path)
    if (about.isFile()) return [{ name: basename(path), bytes: about.size }]
    return readdirSync(path)
      .filter((name) => !name.startsWith('.'))
      .sort()
      .flatMap((name) => {
        const file = statSync(join(path, name), { throwIfNoEntry: false })
        return file?.isFile() ? [{ name, bytes: file.size }] : []
      })
  } catch {
    return []
  }
}
