/** Settings that are lists: a text with commas between its parts, so no part has one. */
import type { Setting } from './setting.js'

export function partsOf(list: string | undefined): string[] {
  const parts = list?.split(',') ?? []
  return parts.map((part) => part.trim()).filter(Boolean)
}

/** A setting's value with each part of the list changed, or all of it where it is none. */
export function changeParts({ list }: Pick<Setting, 'list'>, value: string, change: (part: string) => string): string {
  return list ? partsOf(value).map(change).join(',') : change(value)
}
