/** Rows of text as aligned columns. */
import { fill, widthOf } from './text-width.js'

export interface TableOptions {
  /** Default: unlimited. */
  width?: number
  /** Columns that are aligned on the left. Default: none. */
  left?: number[]
  /** Columns that go where a row is too wide, one after the other in this order. */
  drop?: number[]
}

/** The first row is the head. Only what `drop` allows is left out, so a row may still be wider than `width`. */
export function table(rows: string[][], { width = Number.POSITIVE_INFINITY, left = [], drop = [] }: TableOptions) {
  const all = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => widthOf(row[column] ?? ''))))
  let shown = [...all.keys()]
  const needed = () => shown.reduce((sum, column) => sum + gap.length + (all[column] as number), -gap.length)
  for (const column of drop) if (needed() > width) shown = shown.filter((one) => one !== column)
  return rows.map((row) =>
    shown
      .map((column) => fill(row[column] ?? '', all[column] as number, left.includes(column) ? 'left' : 'right'))
      .join(gap)
      .trimEnd(),
  )
}

const gap = '  '
