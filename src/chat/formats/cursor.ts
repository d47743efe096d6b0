/** A place in a text that is parsed by hand, and the tokens that JSON and Python share. */
import type { JsonValue } from '../types.js'

/** Thrown where a text cannot be read; `ifReadable` catches it. */
export const UNREADABLE = Symbol('unreadable')

export const SPACE = /\s*/y
export const NUMBER = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?(?=[\s,}\])]|$)/y
export const WORD = /(?:true|false|null|True|False|None)(?=[\s,}\])]|$)/y
export const WORDS: Record<string, JsonValue> = {
  ...{ true: true, True: true, false: false, False: false, null: null, None: null },
}

/** Moves forward only, so reading takes linear time. */
export class Cursor {
  at = 0
  constructor(readonly source: string) {}

  /** Moves past the match of a sticky pattern at this place and returns it; '' if there is none. */
  skip(what: RegExp): string {
    what.lastIndex = this.at
    const found = what.exec(this.source)?.[0] ?? ''
    this.at += found.length
    return found
  }

  take(text: string): boolean {
    if (!this.source.startsWith(text, this.at)) return false
    this.at += text.length
    return true
  }
}

/** Reads items with commas between them up to `close`, which may follow a comma. */
export function readItems(cursor: Cursor, close: string, readItem: () => void): void {
  for (;;) {
    cursor.skip(SPACE)
    if (cursor.take(close)) return
    readItem()
    cursor.skip(SPACE)
    if (cursor.take(',')) continue
    if (!cursor.take(close)) throw UNREADABLE
    return
  }
}

export function unreadable(): never {
  throw UNREADABLE
}

/** The result of `read`, or undefined if it throws UNREADABLE. */
export function ifReadable<T>(read: () => T): T | undefined {
  try {
    return read()
  } catch (error) {
    if (error === UNREADABLE) return undefined
    throw error
  }
}
