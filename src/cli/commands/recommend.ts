/** `tether recommend`: which published models fit this machine, and how fast they should write. Contacts nobody. */
import { totalmem } from 'node:os'
import { DEFAULT_MEMORY_SHARE } from '../../engine/load.js'
import { elementFor } from '../../models/describe-models.js'
import { knownModels } from '../../models/find-model.js'
import { type Recommendation, recommend } from '../../models/recommend.js'
import { showSize } from '../../models/show-size.js'
import { type Call, UsageError } from '../args.js'
import { type Bandwidth, readBandwidth } from '../bench/read-bandwidth.js'
import { claudeWindow, maxOutputFor } from '../claude/claude-window.js'
import type { Config } from '../config/read-config.js'
import { parseSize } from '../config/setting-value.js'
import { showWindow } from '../models/model-table.js'
import { table } from '../terminal/table.js'
import { cut } from '../terminal/text-width.js'
import { wrap } from '../terminal/wrap.js'
import { commandForModels } from '../tether-command.js'

/** When the list was made. */
const listed = '2026-11'

export interface Advice extends Recommendation {
  /** For Claude Code: `small` gets few tools. */
  fits: 'yes' | 'small' | 'no'
  here: boolean
}

export interface Machine {
  memory: number
  /** Bytes that tether may take of it. */
  memoryCap: number
  bandwidth: Bandwidth
}

/** -> the exit status. Throws UsageError. */
export async function runRecommend({ flags }: Call, { settings }: Config): Promise<number> {
  const memory = memoryOf(flags.memory)
  const memoryCap =
    settings.memoryCap === 0 ? memory : (settings.memoryCap ?? Math.floor(memory * DEFAULT_MEMORY_SHARE))
  const machine = { memory, memoryCap, bandwidth: await readBandwidth() }
  const here = new Set(knownModels({ modelsDir: settings.modelsDir }).map(({ name }) => name))
  const all = advise(machine, here)
  const shown = flags.all ? all : all.filter(({ fits }) => fits !== 'no')
  const width = process.stdout.isTTY ? process.stdout.columns || 80 : undefined
  const data = { ...machine, listed, models: shown }
  process.stdout.write(flags.json ? `${JSON.stringify(data, null, 2)}\n` : adviceReport(shown, machine, width))
  return 0
}

function memoryOf(given: string | true | undefined): number {
  if (given === undefined) return totalmem()
  const bytes = parseSize(String(given))
  if (!bytes) throw new UsageError(`--memory must be a size such as 32GB, not ${given}`)
  return bytes
}

function advise({ memoryCap, bandwidth }: Machine, here: Set<string>): Advice[] {
  const device = bandwidth.source === 'specification' || process.platform === 'darwin' ? 'gpu' : 'cpu'
  const { bytesPerSecond } = bandwidth
  return recommend({ memory: memoryCap, element: elementFor({}), bytesPerSecond, device }).map((one) => {
    const { verdict } = claudeWindow(one.window, maxOutputFor(one.window))
    const fits = one.window === 0 || verdict === 'too-small' ? 'no' : verdict === 'small' ? 'small' : 'yes'
    return { ...one, fits, here: here.has(one.repository) }
  })
}

const heads = ['model', 'parameters', 'weights', 'window', 'tokens/s', 'here']

/** With its final newline. `width`: columns of the terminal. */
function adviceReport(models: Advice[], machine: Machine, width?: number): string {
  const { memory, memoryCap, bandwidth } = machine
  const { bytesPerSecond, source } = bandwidth
  const speed = `${showSize(bytesPerSecond)}/s ${source === 'measured' ? 'measured' : 'by its specification'}`
  const first = `Of ${showSize(memory)} of memory tether may take ${showSize(memoryCap)}. Memory is read at ${speed}.`
  const rows = models.map((one) => rowOf(one, width))
  const lines = rows.length > 0 ? table([heads, ...rows], { width, left: [0, 5], drop: [1, 2, 5] }) : []
  const note =
    rows.length > 0
      ? `Weights, windows and speeds are estimates, for models of a list of ${listed}. *: few tools, since the window is small for Claude Code. -: does not fit. To download one:`
      : 'No model of the list fits with a window that Claude Code can work in. All of them:'
  const command = commandForModels(rows.length > 0 ? ['pull', models[0]?.repository ?? ''] : ['recommend', '--all'])
  const wrapped = (text: string) => (width === undefined ? [text] : wrap(text, width))
  const body = lines.length > 0 ? [...lines, ''] : []
  return `${[...wrapped(first), '', ...body, ...wrapped(note), `  ${command}`].join('\n')}\n`
}

/** Columns of the window and the speed, which a narrow terminal keeps. */
const ofOthers = '  window  tokens/s'.length

/** In a narrow terminal without the organization, which all of them share. */
function rowOf(one: Advice, width: number | undefined): string[] {
  const isNarrow = width !== undefined && width < 72
  const window = one.fits === 'no' ? '-' : `${showWindow(one.window)}${one.fits === 'small' ? ' *' : ''}`
  return [
    isNarrow ? cut(one.repository.split('/').at(-1) ?? '', Math.max(12, width - ofOthers)) : one.repository,
    `${billions(one.parameters)}${one.active === undefined ? '' : ` (${billions(one.active)} read)`}`,
    showSize(one.weights),
    window,
    one.tokensPerSecond < 10 ? one.tokensPerSecond.toFixed(1) : String(Math.round(one.tokensPerSecond)),
    one.here ? 'yes' : '',
  ]
}

function billions(count: number): string {
  return `${(count / 1e9).toFixed(1)}B`
}
