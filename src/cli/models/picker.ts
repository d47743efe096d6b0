/** The picker's state: which models are shown, where the cursor is, and what each key does. No terminal here. */
import type { ModelSummary } from '../../models/describe-models.js'
import type { Key } from '../terminal/keys.js'

/** What there is to choose from. */
export interface Choices {
  /** In the order in which they are shown. */
  models: ModelSummary[]
  /** The folder of the model that is marked as last used. */
  last?: string
}

export interface Picker extends Choices {
  /** Models that match the filter; those that match by name come first. */
  shown: ModelSummary[]
  /** Index of the cursor in `shown`; 0 if that is empty. */
  at: number
  filter: string
  /** Whether the filter is open. It may still be empty. */
  filtering: boolean
  /** Whether the last key was Enter on a model that cannot be loaded. */
  refused: boolean
}

/** The picker continues, or ends with a model, or without one. */
export type Step = { picker: Picker } | { picked: ModelSummary } | 'cancelled' | 'interrupted'

export function openPicker(choices: Choices): Picker {
  return { ...choices, shown: choices.models, at: 0, filter: '', filtering: false, refused: false }
}

/** Every letter goes into the filter, as in fzf; `/` only opens it. `page` is how many rows the terminal shows. */
export function press(before: Picker, key: Key, page: number): Step {
  const picker = { ...before, refused: false }
  if (typeof key === 'object') return { picker: type(picker, key.letter) }
  switch (key) {
    case 'interrupt':
      return 'interrupted'
    case 'end-of-input':
      return 'cancelled'
    case 'escape':
      return picker.filtering ? { picker: close(picker) } : 'cancelled'
    case 'enter':
      return choose(picker)
    case 'backspace':
      if (picker.filter === '') return { picker: close(picker) }
      return { picker: filtered(picker, [...picker.filter].slice(0, -1).join('')) }
    case 'clear':
      return { picker: filtered(picker, '') }
    case 'clear-word':
      return { picker: filtered(picker, picker.filter.replace(/\S*\s*$/, '')) }
    default:
      return { picker: move(picker, key, page) }
  }
}

function type(picker: Picker, letter: string): Picker {
  if (!picker.filtering && (letter === '/' || letter === ' ')) return { ...picker, filtering: letter === '/' }
  return { ...filtered(picker, picker.filter + letter), filtering: true }
}

function close(picker: Picker): Picker {
  return { ...filtered(picker, ''), filtering: false }
}

/** Every word of the filter must occur in name, family or quantization; if none fits, its letters in order in the name. */
function filtered(picker: Picker, filter: string): Picker {
  const words = filter.toLowerCase().split(/\s+/).filter(Boolean)
  const matches = (text: string) => words.every((word) => text.toLowerCase().includes(word))
  const byName = picker.models.filter(({ name }) => matches(name))
  const byKind = picker.models.filter(
    ({ name, family, quantization }) => !matches(name) && matches(`${name} ${family ?? ''} ${quantization ?? ''}`),
  )
  const holding = [...byName, ...byKind]
  const shown =
    holding.length > 0 ? holding : picker.models.filter(({ name }) => words.every((word) => isIn(word, name)))
  const current = picker.shown[picker.at]
  // Enter selects the best match. Without a filter the cursor stays on its model.
  const at = words.length > 0 || current === undefined ? 0 : shown.indexOf(current)
  return { ...picker, filter, shown, at }
}

/** Whether a text has these letters in this order, others between them: gem4b is in gemma-3-4b. */
function isIn(letters: string, text: string): boolean {
  let at = 0
  for (const letter of text.toLowerCase()) if (letters.startsWith(letter, at)) at += letter.length
  return at === letters.length
}

/** One step wraps around; a page stops at the ends. */
function move(picker: Picker, key: string, page: number): Picker {
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
  return { ...picker, at: steps[key] ?? picker.at }
}

/** A model that cannot be loaded cannot be chosen. */
function choose(picker: Picker): Step {
  const model = picker.shown[picker.at]
  if (model?.state === 'ok') return { picked: model }
  return { picker: { ...picker, refused: model !== undefined } }
}
