/** Gemma 4's notation of values, in calls, results and declarations. */
import { jsonText } from '../json-text.js'
import type { JsonObject, JsonValue } from '../types.js'
import { type PromptWriter, sortedEntries } from './layout.js'

export function renderString(out: PromptWriter, text: string): void {
  out.control('<|"|>')
  out.text(text)
  out.control('<|"|>')
}

/** Keys are quoted inside schemas and bare in calls. */
export function renderValue(out: PromptWriter, value: JsonValue, quoteKeys: boolean): void {
  if (typeof value === 'string') renderString(out, value)
  else if (Array.isArray(value)) renderList(out, value, (item) => renderValue(out, item, quoteKeys))
  else if (typeof value === 'object' && value !== null) renderObject(out, value, quoteKeys)
  else out.text(jsonText(value))
}

export function renderObject(out: PromptWriter, object: JsonObject, quoteKeys: boolean): void {
  out.text('{')
  for (const [i, [key, value]] of sortedEntries(object).entries()) {
    if (i > 0) out.text(',')
    if (quoteKeys) renderString(out, key)
    else out.text(key)
    out.text(':')
    renderValue(out, value, quoteKeys)
  }
  out.text('}')
}

export function renderList<T>(out: PromptWriter, items: T[], render: (item: T) => void): void {
  out.text('[')
  for (const [i, item] of items.entries()) {
    if (i > 0) out.text(',')
    render(item)
  }
  out.text(']')
}
