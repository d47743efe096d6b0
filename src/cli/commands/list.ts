/** `tether --list`: prints every model on this machine, as a table or as JSON. */
import { styleText } from 'node:util'
import { type DescribeOptions, describeModels, type ModelSummary } from '../../models/describe-models.js'
import { descriptionFile } from '../../models/description-cache.js'
import type { Call } from '../args.js'
import type { Config } from '../config/read-config.js'
import { modelTable, reasonOf } from '../models/model-table.js'
import { noModelText } from '../models/no-model.js'
import { showsColour } from '../terminal/colour.js'
import { stripControls } from '../terminal/text-width.js'
import { wrap } from '../terminal/wrap.js'

export interface ListOptions extends DescribeOptions {
  modelsDir: string
  /** Print an array of ModelSummary as JSON. */
  json?: boolean
  /** Columns. Default: unlimited, for a file or a pipe. */
  width?: number
  /** Default: none. */
  colors?: boolean
}

/** -> the exit status */
export async function runList({ flags }: Call, { settings }: Config): Promise<number> {
  const { modelsDir, memoryCap: memory, maxContext } = settings
  const options = { modelsDir, memory, maxContext, cache: descriptionFile(), json: flags.json === true }
  process.stdout.write(await listModels({ ...options, ...optionsFor(process.stdout) }))
  return 0
}

/** -> the text with its final newline. Without models it says how to get one. */
export async function listModels(options: ListOptions): Promise<string> {
  const models = await describeModels(options.modelsDir, options)
  if (options.json) return `${JSON.stringify(models, null, 2)}\n`
  if (models.length === 0) return `${noModelText(options.modelsDir)}\n`
  const { head, rows } = modelTable(models, options.width ?? Number.POSITIVE_INFINITY)
  const paint = (style: Style, text: string) =>
    options.colors ? styleText(style, text, { validateStream: false }) : text
  const lines = [paint('dim', head), ...rows.map((row, i) => paint(styleOf(models[i]), row))]
  const faults = models.filter(({ fault }) => fault !== undefined)
  if (faults.length > 0) lines.push('', ...faults.flatMap((model) => faultLines(model, options.width)))
  return `${lines.join('\n')}\n`
}

/** Wrapped between words, with the lines after the first indented. */
function faultLines(model: ModelSummary, width = Number.POSITIVE_INFINITY): string[] {
  const text = `${stripControls(model.name)}: ${reasonOf(model)}`
  return wrap(text, width - indent.length).map((line, i) => (i === 0 ? line : `${indent}${line}`))
}

const indent = '  '

/** The width of a terminal, and colours if the stream shows them. */
function optionsFor(stream: NodeJS.WriteStream): Pick<ListOptions, 'width' | 'colors'> {
  return { width: stream.isTTY ? stream.columns || 80 : undefined, colors: showsColour(stream) }
}

type Style = 'dim' | 'yellow' | 'red' | 'reset'

function styleOf(model: ModelSummary | undefined): Style {
  if (model?.state === 'damaged') return 'red'
  if (model?.state === 'unsupported') return 'dim'
  return model?.fits === 'yes' ? 'reset' : 'yellow'
}
