/** The characters to read now: `source` from `at` to `end`. A reader moves `at` behind what it took. */
export interface Place {
  readonly source: string
  at: number
  readonly end: number
}

export function placeIn(source: string): Place {
  return { source, at: 0, end: source.length }
}
