/** The characters to read now: `source` from `at` to `end`. A reader advances `at` past the characters it takes. */
export interface Place {
  readonly source: string
  at: number
  readonly end: number
}

export function placeIn(source: string): Place {
  return { source, at: 0, end: source.length }
}
