/** `tether show`: what one model is, what memory it takes, and whether it runs here. */
import { join, resolve } from 'node:path'
import { demoModel } from '../../models/demo-model.js'
import { expandHome } from '../../models/expand-home.js'
import { configNames, findModel } from '../../models/find-model.js'
import { isForeign } from '../../models/foreign-format.js'
import { type ModelFacts, modelFacts } from '../../models/model-facts.js'
import { showSize } from '../../models/show-size.js'
import { oneLine } from '../../one-line.js'
import type { Call } from '../args.js'
import type { Config } from '../config/read-config.js'
import { reasonOf, showWindow } from '../models/model-table.js'
import { type Paint, painter } from '../terminal/colour.js'
import { shortPath } from '../terminal/short-path.js'
import { wrapAndSplit } from '../terminal/wrap.js'
import { commandForModels } from '../tether-command.js'

/** -> the exit status, 0 also for a model that does not run. Throws `model_not_found`. */
export async function runShow({ words, flags }: Call, config: Config): Promise<number> {
  const found = find(words[0] as string, config.settings.modelsDir)
  const { memoryCap: memory, maxContext } = config.forModel(configNames(found)).settings
  const facts = await modelFacts(found, { memory, maxContext })
  const width = process.stdout.isTTY ? process.stdout.columns || 80 : undefined
  const text = flags.json ? `${JSON.stringify(facts, null, 2)}\n` : factsReport(facts, width, painter(process.stdout))
  process.stdout.write(text)
  return 0
}

/** Also what is no model that tether loads, such as an adapter or a GGUF file: its facts say why. */
function find(asked: string, modelsDir: string): { name: string; path: string } {
  try {
    return findModel(asked, { modelsDir, demo: demoModel, command: commandForModels })
  } catch (error) {
    const other = [resolve(expandHome(asked)), join(modelsDir, asked)].find(isForeign)
    if (other === undefined) throw error
    return { name: asked, path: other }
  }
}

/** The column at which the facts begin. */
const column = 14
const leastText = 20

/** With its final newline. `width`: columns of the terminal; in a file a fact is one line. */
function factsReport(facts: ModelFacts, width: number | undefined, paint: Paint): string {
  const room = width === undefined ? Number.POSITIVE_INFINITY : Math.max(leastText, width - column)
  const lines = rowsOf(facts).flatMap(([about, text]) => {
    if (text === undefined) return []
    const head = `  ${paint('dim', about.padEnd(column - 2))}`
    return wrapAndSplit(oneLine(text), room).map((line, i) => (i === 0 ? head : ' '.repeat(column)) + line)
  })
  return `${[paint('bold', oneLine(facts.name)), ...lines].join('\n')}\n`
}

function rowsOf(facts: ModelFacts): [about: string, text: string | undefined][] {
  const { chat, path, family, quantization, window, drafter, baseModel, license, files } = facts
  return [
    ['folder', shortPath(path)],
    ['runs here', runsText(facts)],
    ...(facts.warnings ?? []).map((warning): [string, string] => ['warning', warning]),
    ['changes', baseModel],
    ['family', family],
    ['parameters', parametersText(facts)],
    ['stored as', quantization],
    ['layers', layersText(facts)],
    ['heads', headsText(facts)],
    ['window', window === undefined ? undefined : `${showWindow(window)} tokens, as the model was made`],
    ['memory', memoryText(facts)],
    ['tokenizer', chat && `${chat.tokenizer}, ${chat.tokens} tokens`],
    ['template', templateText(facts)],
    ['tool calls', callText(facts)],
    ['thoughts', chat?.thought && `begin with ${chat.thought}`],
    ['drafter', facts.state === 'ok' ? (drafter ? shortPath(drafter) : 'none beside it') : undefined],
    ['license', license],
    ['files', files.map(({ name, bytes }) => `${name} ${showSize(bytes)}`).join(', ') || undefined],
  ]
}

function runsText(facts: ModelFacts): string {
  const { state, fits, fittingWindow, chat } = facts
  if (state !== 'ok') return `no: ${reasonOf({ ...facts, place: 'models' })}`
  if (chat && chat.template === undefined)
    return 'only in tether bench: it has no chat template, so it answers no messages'
  if (fits === 'no') return 'no: weights and a window of 4096 tokens do not fit into memory'
  const most = fittingWindow === undefined ? '' : `, with a window of ${showWindow(fittingWindow)} tokens`
  return fits === 'short' ? `yes${most}, the longest that fits into memory` : `yes${most}`
}

function parametersText({ parameters }: ModelFacts): string | undefined {
  if (!parameters) return undefined
  const { total, active } = parameters
  return `${countText(total)} in all tensors${active === undefined ? '' : `, ${countText(active)} active for a token`}`
}

/** Such as 4.6 billion. */
function countText(count: number): string {
  if (count >= 1e9) return `${(count / 1e9).toFixed(1)} billion`
  return count >= 1e6 ? `${(count / 1e6).toFixed(1)} million` : String(count)
}

function layersText({ layers, slidingWindow }: ModelFacts): string | undefined {
  if (!layers) return undefined
  const { full, sliding, linear, sharing } = layers
  const kinds = [
    full > 0 ? `${full} with full attention` : '',
    sliding > 0 ? `${sliding} with a sliding window${slidingWindow ? ` of ${slidingWindow} tokens` : ''}` : '',
    linear > 0 ? `${linear} with linear attention` : '',
  ]
  const shared = sharing > 0 ? `; the last ${sharing} use keys and values of others` : ''
  return `${full + sliding + linear}: ${kinds.filter((kind) => kind !== '').join(', ')}${shared}`
}

function headsText({ heads, hiddenSize }: ModelFacts): string | undefined {
  if (!heads) return undefined
  const { attention, keyValue, size } = heads
  const width = hiddenSize === undefined ? '' : `; ${hiddenSize} wide`
  return `${attention}, ${keyValue} for keys and values${size === undefined ? '' : `, of ${size} numbers`}${width}`
}

function memoryText({ size, context }: ModelFacts): string | undefined {
  if (size === undefined) return undefined
  const weights = `weights ${showSize(size)}`
  if (!context) return weights
  const { perToken, fixed, element } = context
  const sliding = fixed > 0 ? `, ${showSize(fixed)} for its sliding layers` : ''
  return `${weights}; keys and values in ${element * 8} bits: ${showSize(perToken)} a token${sliding}`
}

function templateText({ chat }: ModelFacts): string | undefined {
  if (!chat) return undefined
  const { template, family } = chat
  return template === undefined ? 'none: it only continues text' : `${template}; answers are read as ${family}`
}

function callText({ chat }: ModelFacts): string | undefined {
  if (!chat?.call) return undefined
  const { begins, taught } = chat.call
  // What follows is JSON, in every form but Gemma 4's.
  const marker = begins.replace(/\s*\[?\{"name": "$/, '') || 'a JSON object'
  return `begin with ${marker}${taught ? ", as tether's prompt teaches it" : ''}`
}
