/** What the picker shows, as lines that fit a terminal of any size. */

import { cut, cutEnd, fill, stripControls } from '../terminal/text-width.js'
import { modelTable, showWindow } from './model-table.js'
import type { Picker } from './picker.js'

export interface Frame {
  /** At most as many as the terminal has rows, each narrower than it is wide. */
  lines: { text: string; style: 'plain' | 'dim' | 'chosen' | 'warning' }[]
}

export interface FrameSize {
  columns: number
  rows: number
}

/** How many models are on the screen at once. */
export function pageOf({ rows }: FrameSize): number {
  return Math.max(1, rows - linesAround(rows))
}

/** Lines around the models: title, table head, a line about the model, keys. A short window has fewer. */
function linesAround(rows: number): number {
  if (rows >= 8) return 4
  return rows >= 5 ? 2 : rows >= 3 ? 1 : 0
}

export function pickerFrame(picker: Picker, size: FrameSize): Frame {
  const width = Math.max(1, size.columns - 1)
  const around = linesAround(size.rows)
  const page = pageOf(size)
  const first = Math.max(0, Math.min(picker.at - Math.floor(page / 2), picker.shown.length - page))
  const table = modelTable(picker.shown, width - 2)
  const rows = table.rows.slice(first, first + page).map((row, i): Frame['lines'][number] => {
    const chosen = first + i === picker.at
    const usable = picker.shown[first + i]?.state === 'ok'
    return { text: cut(`${chosen ? '>' : ' '} ${row}`, width), style: chosen ? 'chosen' : usable ? 'plain' : 'dim' }
  })
  if (rows.length === 0) rows.push({ text: cutEnd('  no model matches', width), style: 'dim' })
  const head = { text: headLine(picker, width), style: 'plain' as const }
  const keys = { text: cutEnd(keysOf(picker), width), style: 'dim' as const }
  if (around === 0) return { lines: rows }
  if (around === 1) return { lines: [head, ...rows] }
  if (around === 2) return { lines: [head, ...rows, keys] }
  return { lines: [head, { text: cut(`  ${table.head}`, width), style: 'dim' }, ...rows, about(picker, width), keys] }
}

function headLine({ filter, typing, shown, at, models }: Picker, width: number): string {
  const count = `${shown.length === 0 ? 0 : at + 1} of ${shown.length}`
  const more = shown.length < models.length ? ` (${models.length} in all)` : ''
  const title = typing || filter ? `/${stripControls(filter)}${typing ? '█' : ''}` : 'Choose a model'
  const room = width - count.length - more.length - 1
  return room < 8 ? cut(title, width) : `${fill(title, room)} ${count}${more}`
}

function about({ shown, at }: Picker, width: number): Frame['lines'][number] {
  const model = shown[at]
  const line = (text: string, style: 'dim' | 'warning') => {
    const shorten = style === 'warning' ? cutEnd : cut
    return { text: shorten(`  ${stripControls(text)}`, width), style }
  }
  if (model?.fault) return line(model.fault, 'warning')
  if (model?.fits === 'no') return line('does not fit into memory; loading it would fail', 'warning')
  if (model?.fits === 'short')
    return line(`only a window of ${showWindow(model.fittingWindow ?? 0)} fits into memory`, 'warning')
  return line(model?.path ?? '', 'dim')
}

function keysOf({ typing, filter }: Picker): string {
  if (typing) return 'type to filter · ↑/↓ move · Enter done · Esc clear'
  return `↑/↓ j/k move · Enter choose · / filter${filter ? ' (on)' : ''} · q cancel`
}
