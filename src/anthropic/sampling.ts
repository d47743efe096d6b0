/** The sampling fields of a request: their names on the wire and the values they take. */

export type SamplingKey = 'temperature' | 'topP' | 'topK' | 'minP' | 'repetitionPenalty' | 'seed'

interface SamplingField {
  field: string
  least: number
  most: number
  whole: boolean
}

export const SAMPLING_FIELDS: Record<SamplingKey, SamplingField> = {
  temperature: { field: 'temperature', least: 0, most: 2, whole: false },
  topP: { field: 'top_p', least: 0, most: 1, whole: false },
  topK: { field: 'top_k', least: 0, most: 2 ** 31 - 1, whole: true },
  minP: { field: 'min_p', least: 0, most: 1, whole: false },
  repetitionPenalty: { field: 'repetition_penalty', least: 0.01, most: 10, whole: false },
  seed: { field: 'seed', least: 0, most: Number.MAX_SAFE_INTEGER, whole: true },
}

/** What the value should be, such as `between 0 and 2`; undefined if it is that. */
export function samplingFault(key: SamplingKey, value: unknown): string | undefined {
  const { least, most, whole } = SAMPLING_FIELDS[key]
  const right = typeof value === 'number' && value >= least && value <= most && (!whole || Number.isInteger(value))
  if (right) return undefined
  return `${whole ? 'a whole number' : 'a number'} between ${least} and ${most}`
}
