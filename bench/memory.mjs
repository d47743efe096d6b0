// Which models fit which memory: the table of README. Computed from published configs, as the engine reserves memory.
//
//   node bench/memory.mjs
import { pathToFileURL } from 'node:url'
import { claudeWindow, maxOutputFor } from '../dist/cli/claude/claude-window.js'
import { DEFAULT_MEMORY_SHARE } from '../dist/engine/load.js'
import { parameters, perGroup, publishedModels, publishedWindow } from '../dist/models/published.js'

const GiB = 1024 ** 3
const memories = [8, 16, 24, 32, 64]

/** With 4 bits a weight, whatever is published. */
export const models = publishedModels
export { parameters }

/** 4 bits, and a scale and an offset of 16 bits for each group of 64. */
const bytesPerWeight = (4 + perGroup) / 8

/** In a machine's memory, with keys and values in 16 bits. */
export function fittingWindow(config, memory) {
  const weights = parameters(config) * bytesPerWeight
  return publishedWindow(config, { weights, memory: memory * DEFAULT_MEMORY_SHARE, element: 2 })
}

/** What the table says of a window: nothing if it is too small for Claude Code. */
function cell(window) {
  const { verdict } = window ? claudeWindow(window, maxOutputFor(window)) : { verdict: 'too-small' }
  if (verdict === 'too-small') return '-'
  return `${Math.floor(window / 1024)}k${verdict === 'small' ? ' *' : ''}`
}

export function memoryTable() {
  const weights = (config) => `${((parameters(config) * bytesPerWeight) / 1e9).toFixed(1)} GB`
  const heads = ['model', '4-bit weights', ...memories.map((memory) => `${memory} GB`)]
  const rows = models.map(({ name, config }) => [
    name,
    weights(config),
    ...memories.map((memory) => cell(fittingWindow(config, memory * GiB))),
  ])
  const widths = heads.map((head, i) => Math.max(head.length, ...rows.map((row) => row[i].length)))
  const line = (cells) =>
    `| ${cells.map((text, i) => (i === 0 ? text.padEnd(widths[i]) : text.padStart(widths[i]))).join(' | ')} |`
  const rule = `| ${widths.map((width, i) => (i === 0 ? '-'.repeat(width) : `${'-'.repeat(width - 1)}:`)).join(' | ')} |`
  return [line(heads), rule, ...rows.map(line)].join('\n')
}

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href) console.log(memoryTable())
