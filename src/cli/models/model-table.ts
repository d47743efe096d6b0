/** Models as aligned rows of text that fit a width, for the list and for the picker. */
import type { ModelSummary } from '../../models/describe-models.js'
import { showSize } from '../../models/show-size.js'
import { cut, fill, stripControls, widthOf } from '../terminal/text-width.js'

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

/** Stands after the name of the model that was used last; where names have little room, the short one does. */
const lastMark = ' (last used)'
const shortMark = ' *'

/** Rows are at most `width` columns wide, which may be Infinity. `last`: the folder of the model to mark. */
export function modelTable(models: ModelSummary[], width: number, last?: string): ModelTable {
  const names = models.map(({ name, path }) => stripControls(name) + (path === last ? lastMark : ''))
  const widestName = widest(['name', ...names])
  const widths = new Map(columns.map((column) => [column, widest([column.head, ...models.map(column.text)])]))
  const widthFor = (column: Column) => widths.get(column) ?? 0
  let shown = columns
  const left = () => width - shown.reduce((sum, column) => sum + gap.length + widthFor(column), 0)
  for (const head of dropOrder) {
    if (left() >= Math.min(leastName, widestName)) break
    shown = shown.filter((column) => column.head !== head)
  }
  const nameWidth = Math.max(1, Math.min(widestName, left()))
  const row = (name: string, text: (column: Column) => string) =>
    [fill(name, nameWidth), ...shown.map((column) => fill(text(column), widthFor(column), column.side))]
      .join(gap)
      .trimEnd()
  return {
    head: row('name', ({ head }) => head),
    rows: models.map((model) => row(nameIn(nameWidth, model, last), ({ text }) => text(model))),
  }
}

/** The mark is never cut, only the name before it. */
function nameIn(width: number, { name, path }: ModelSummary, last?: string): string {
  const plain = stripControls(name)
  if (path !== last) return plain
  const mark = width >= Math.min(leastName, widthOf(plain)) + lastMark.length ? lastMark : shortMark
  return cut(plain, width - mark.length) + mark
}

function widest(texts: string[]): number {
  return Math.max(...texts.map(widthOf))
}

function fitsText({ state, fits, fittingWindow }: ModelSummary): string {
  if (state !== 'ok') return state === 'damaged' ? 'damaged' : 'unsupported'
  return fits === 'short' ? `to ${showWindow(fittingWindow ?? 0)}` : (fits ?? '-')
}

/** Why a model cannot be used. Without the path of its folder, since its name is shown with it. */
export function reasonOf({ fault = '', path }: ModelSummary): string {
  return stripControls(fault.replaceAll(`${path}/`, '').replaceAll(`${path} `, ''))
}

/** Tokens as text, such as 128k, 1M or 300. A k is 1024, as model makers count. */
export function showWindow(tokens: number): string {
  if (tokens < 1024) return String(tokens)
  if (tokens < 1024 * 1000) return `${Math.floor(tokens / 1024)}k`
  return `${Number((tokens / 1024 / 1024).toFixed(1))}M`
}
