/** The report of a benchmark: a table, and bars of block characters. */
import type { ModelInfo } from '../../index.js'
import { kvBitsText } from '../serving/kv-bits-text.js'
import { table } from '../terminal/table.js'
import { wrap } from '../terminal/wrap.js'
import type { BenchRow, Speed } from './measure.js'

export interface BenchReport {
  name: string
  info: ModelInfo
  rows: BenchRow[]
  /** Columns of the terminal. */
  width: number
}

export function benchReport({ name, info, rows, width }: BenchReport): string {
  const parameters = `${(info.parameters / 1e6).toFixed(info.parameters < 1e8 ? 1 : 0)} M parameters`
  return [
    ...wrap(
      `${name}: ${parameters}, ${info.quantization}, computed in ${info.computeDtype} on ${info.device}${kvBitsText(info)}`,
      width,
    ),
    '',
    ...speeds(rows, width),
    '',
    ...plot('reading, tokens/s', rows, (row) => row.prefill, width),
    '',
    ...plot('writing, tokens/s', rows, (row) => row.decode, width),
    '',
  ].join('\n')
}

function speeds(rows: BenchRow[], width: number): string[] {
  const cells = rows.map(({ prompt, prefill, decode }) => [
    String(prompt),
    rounded(prefill.median),
    spread(prefill),
    rounded(decode.median),
    spread(decode),
  ])
  const all = [['prompt', 'read tok/s', 'min..max', 'write tok/s', 'min..max'], ...cells]
  return table(all, { width, drop: [4, 2] })
}

const eighths = ['', '▏', '▎', '▍', '▌', '▋', '▊', '▉']

function plot(title: string, rows: BenchRow[], of: (row: BenchRow) => Speed, width: number): string[] {
  const most = Math.max(...rows.map((row) => of(row).median), 1e-9)
  const label = Math.max(...rows.map(({ prompt }) => String(prompt).length))
  const number = Math.max(...rows.map((row) => rounded(of(row).median).length))
  const room = Math.max(8, Math.min(60, width - label - number - 4))
  return [
    title,
    ...rows.map((row) => {
      const length = (of(row).median / most) * room
      const bar = '█'.repeat(Math.floor(length)) + eighths[Math.floor((length % 1) * 8)]
      return `${String(row.prompt).padStart(label)}  ${bar.padEnd(room)}  ${rounded(of(row).median).padStart(number)}`
    }),
  ]
}

function spread({ spread: [slowest, fastest] }: Speed): string {
  return `${rounded(slowest)}..${rounded(fastest)}`
}

function rounded(value: number): string {
  return value >= 100 ? value.toFixed(0) : value.toPrecision(3)
}
