/** The picker's state: which models are shown, where the cursor is, and what each key does. No terminal here. */
import type { ModelSummary } from '../../models/describe-models.js'
import type { Key } from '../terminal/keys.js'

export interface Picker {
  models: ModelSummary[]
  /** Models that match the filter, in order. */
  shown: ModelSummary[]
  /** Index of the cursor in `shown`; 0 if that is empty. */
  at: number
  filter: string
  /** Whether typed letters go into the filter. */
  typing: boolean
}

/** The picker continues, or ends with a model, or with none. */
export type Step = { picker: Picker } | { picked: ModelSummary } | 'cancelled'

export function openPicker(models: ModelSummary[]): Picker {
  return { models, shown: models, at: 0, filter: '', typing: false }
}

/** `page` is how many rows the terminal shows. */
export function press(picker: Picker, key: Key, page: number): Step {
  if (key === 'interrupt') return 'cancelled'
  if (picker.typing) return type(picker, key, page)
  if (key === 'escape') return 'cancelled'
  if (key === 'enter') return choose(picker)
  if (typeof key !== 'object') return { picker: move(picker, key, page) }
  if (key.letter === 'q') return 'cancelled'
  if (key.letter === '/') return { picker: { ...picker, typing: true } }
  return { picker: move(picker, letters[key.letter], page) }
}

const letters: Record<string, Key> = { j: 'down', k: 'up', g: 'home', G: 'end' }

function type(picker: Picker, key: Key, page: number): Step {
  if (key === 'enter') return { picker: { ...picker, typing: false } }
  if (key === 'escape') return { picker: { ...filtered(picker, ''), typing: false } }
  if (key === 'clear') return { picker: filtered(picker, '') }
  if (key === 'backspace') {
    if (picker.filter === '') return { picker: { ...picker, typing: false } }
    return { picker: filtered(picker, [...picker.filter].slice(0, -1).join('')) }
  }
  if (typeof key === 'object') return { picker: filtered(picker, picker.filter + key.letter) }
  return { picker: move(picker, key, page) }
}

/** Every word of the filter must occur in name, family or quantization. The cursor stays on its model if it can. */
function filtered(picker: Picker, filter: string): Picker {
  const words = filter.toLowerCase().split(/\s+/).filter(Boolean)
  const shown = picker.models.filter((model) => {
    const text = `${model.name} ${model.family ?? ''} ${model.quantization ?? ''}`.toLowerCase()
    return words.every((word) => text.includes(word))
  })
  const current = picker.shown[picker.at]
  return { ...picker, filter, shown, at: Math.max(0, current ? shown.indexOf(current) : 0) }
}

/** One step wraps around; a page stops at the ends. */
function move(picker: Picker, key: Key | undefined, page: number): Picker {
  const count = picker.shown.length
  if (count === 0) return picker
  const steps: Record<string, number> = {
    up: (picker.at + count - 1) % count,
    down: (picker.at + 1) % count,
    'page-up': Math.max(0, picker.at - page),
    'page-down': Math.min(count - 1, picker.at + page),
    home: 0,
    end: count - 1,
  }
  return { ...picker, at: (typeof key === 'string' ? steps[key] : undefined) ?? picker.at }
}

/** A model that cannot be loaded cannot be chosen; its fault is on the screen. */
function choose(picker: Picker): Step {
  const model = picker.shown[picker.at]
  return model?.state === 'ok' ? { picked: model } : { picker }
}
