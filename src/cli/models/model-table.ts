/** Models as aligned rows of text that fit a width, for the list and for the picker. */
import type { ModelSummary } from '../../models/describe-models.js'
import { showSize } from '../../models/show-size.js'
import { fill, stripControls, widthOf } from '../terminal/text-width.js'

export interface ModelTable {
  head: string
  /** One for each model, in order. */
  rows: string[]
}

interface Column {
  head: string
  side: 'left' | 'right'
  text: (model: ModelSummary) => string
}

const nameColumn: Column = { head: 'name', side: 'left', text: ({ name }) => stripControls(name) }
const columns: Column[] = [
  { head: 'family', side: 'left', text: ({ family }) => stripControls(family ?? '-') },
  { head: 'stored as', side: 'left', text: ({ quantization }) => stripControls(quantization ?? '-') },
  { head: 'size', side: 'right', text: ({ size }) => (size === undefined ? '-' : showSize(size)) },
  { head: 'window', side: 'right', text: ({ window }) => (window === undefined ? '-' : showWindow(window)) },
  { head: 'fits', side: 'left', text: fitsText },
]
/** Columns that a narrow terminal drops, in this order. */
const dropOrder = ['family', 'window', 'stored as', 'size', 'fits']
/** A name is cut to no less than this while there is another column to drop. */
const leastName = 20
const gap = '  '

/** Rows are at most `width` columns wide, which may be Infinity. */
export function modelTable(models: ModelSummary[], width: number): ModelTable {
  const widths = new Map([nameColumn, ...columns].map((column) => [column, widest(column, models)]))
  const widthFor = (column: Column) => widths.get(column) ?? 0
  let shown = columns
  const left = () => width - shown.reduce((sum, column) => sum + gap.length + widthFor(column), 0)
  for (const head of dropOrder) {
    if (left() >= Math.min(leastName, widthFor(nameColumn))) break
    shown = shown.filter((column) => column.head !== head)
  }
  const nameWidth = Math.max(1, Math.min(widthFor(nameColumn), left()))
  const row = (text: (column: Column) => string) =>
    [
      fill(text(nameColumn), nameWidth, nameColumn.side),
      ...shown.map((column) => fill(text(column), widthFor(column), column.side)),
    ]
      .join(gap)
      .trimEnd()
  return { head: row(({ head }) => head), rows: models.map((model) => row(({ text }) => text(model))) }
}

function widest(column: Column, models: ModelSummary[]): number {
  return Math.max(widthOf(column.head), ...models.map((model) => widthOf(column.text(model))))
}

function fitsText({ state, fits, fittingWindow }: ModelSummary): string {
  if (state !== 'ok') return state === 'damaged' ? 'damaged' : 'unsupported'
  return fits === 'short' ? `to ${showWindow(fittingWindow ?? 0)}` : (fits ?? '-')
}

/** Tokens as text, such as 128k, 1M or 300. A k is 1024, as model makers count. */
export function showWindow(tokens: number): string {
  if (tokens < 1024) return String(tokens)
  if (tokens < 1024 * 1000) return `${Math.floor(tokens / 1024)}k`
  return `${Number((tokens / 1024 / 1024).toFixed(1))}M`
}
