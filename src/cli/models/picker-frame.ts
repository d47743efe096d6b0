/** What the picker shows, as lines that fit a terminal of any size. */
import type { ModelSummary } from '../../models/describe-models.js'
import { cut, cutEnd, fill, stripControls, widthOf } from '../terminal/text-width.js'
import { wrapAndSplit } from '../terminal/wrap.js'
import { modelTable, reasonOf, showWindow } from './model-table.js'
import type { Picker } from './picker.js'

export interface Frame {
  /** At most as many as the terminal has rows, each narrower than it is wide. */
  lines: FrameLine[]
}

interface FrameLine {
  text: string
  style: 'plain' | 'dim' | 'chosen' | 'warning' | 'error'
}

export interface FrameSize {
  columns: number
  rows: number
  /** Whether the terminal shows no more than ASCII, which ascii.ts sees to: some things have other words then. */
  ascii?: boolean
}

/** How many models are on the screen at once, if one line about the chosen one is enough. */
export function pageOf({ rows }: FrameSize): number {
  return Math.max(1, rows - linesAround(rows))
}

/** Lines around the models: title, table head, a line about the model, keys. A short window has fewer. */
function linesAround(rows: number): 0 | 1 | 2 | 4 {
  if (rows >= 8) return 4
  return rows >= 5 ? 2 : rows >= 3 ? 1 : 0
}

export function pickerFrame(picker: Picker, size: FrameSize): Frame {
  const width = Math.max(1, size.columns - 1)
  const around = linesAround(size.rows)
  const most = pageOf(size)
  // A long reason takes the place of models, but at least half of them stay.
  const notes = about(picker, width).slice(0, around === 4 ? 1 + Math.floor(most / 2) : 1)
  const page = around === 4 ? most - (notes.length - 1) : most
  const table = modelTable(picker.shown, width - 2, picker.last)
  const rows = modelRows(picker, { rows: table.rows, width, page })
  const title: FrameLine = { text: titleLine(picker, width, size.ascii), style: 'plain' }
  const head: FrameLine = { text: cut(`  ${table.head}`, width), style: 'dim' }
  const keys: FrameLine = { text: keysLine(picker, width, size.ascii), style: 'dim' }
  const layouts: Record<typeof around, FrameLine[]> = {
    0: rows,
    1: [title, ...rows],
    2: [title, ...rows, ...(picker.refused ? notes : [keys])],
    4: [title, head, ...rows, ...notes, keys],
  }
  return { lines: layouts[around] }
}

function modelRows(
  { shown, at }: Picker,
  { rows, width, page }: { rows: string[]; width: number; page: number },
): FrameLine[] {
  if (rows.length === 0) return [{ text: cutEnd('  no match', width), style: 'dim' }]
  const first = Math.max(0, Math.min(at - Math.floor(page / 2), shown.length - page))
  return rows.slice(first, first + page).map((row, i) => {
    const chosen = first + i === at
    const usable = shown[first + i]?.state === 'ok'
    return { text: cut(`${chosen ? '>' : ' '} ${row}`, width), style: chosen ? 'chosen' : usable ? 'plain' : 'dim' }
  })
}

function titleLine({ filter, filtering, shown, at, models }: Picker, width: number, ascii = false): string {
  const count = `${shown.length === 0 ? 0 : at + 1} of ${shown.length}`
  const more = shown.length < models.length ? ` (${models.length} in all)` : ''
  const title = filtering ? `/${stripControls(filter)}${ascii ? '_' : '█'}` : 'Choose a model'
  const room = width - count.length - more.length - 1
  return room < 8 ? cut(title, width) : `${fill(title, room)} ${count}${more}`
}

/** The path of the chosen model, or what is wrong with it, which may take several lines. */
function about({ shown, at, refused }: Picker, width: number): FrameLine[] {
  const model = shown[at]
  const warning = model && warningFor(model)
  if (!warning) return [{ text: cut(`  ${stripControls(model?.path ?? '')}`, width), style: 'dim' }]
  const text = refused ? `Cannot be selected: ${warning}` : warning
  return wrapAndSplit(text, width - 2).map((line) => ({
    text: cutEnd(`  ${line}`, width),
    style: refused ? 'error' : 'warning',
  }))
}

function warningFor(model: ModelSummary): string | undefined {
  if (model.state !== 'ok') return reasonOf(model)
  if (model.fits === 'no') return 'does not fit into memory, so loading it would fail'
  if (model.fits !== 'short') return undefined
  return `only a window of ${showWindow(model.fittingWindow ?? 0)} fits into memory`
}

/** Where the width is not enough for all of them, the keys that are easiest to guess are dropped first. */
function keysLine({ filtering }: Picker, width: number, ascii = false): string {
  const dot = ' · '
  const keys = [
    { text: 'type to filter', drop: 2 },
    { text: ascii ? 'Up/Down move' : '↑/↓ move', drop: 1 },
    { text: 'Enter select', drop: 3 },
    { text: filtering ? 'Esc clear' : 'Esc quit', drop: 4 },
  ]
  const line = (least: number) =>
    keys
      .filter(({ drop }) => drop > least)
      .map(({ text }) => text)
      .join(dot)
  const fitting = [0, 1, 2].map(line).find((text) => widthOf(text) <= width)
  return cutEnd(fitting ?? line(2), width)
}
