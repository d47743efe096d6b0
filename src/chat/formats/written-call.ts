/** A call before it is known whether it can run. */
import type { WrittenObject, WrittenValue } from './exact-number.js'

/** A call as it was written. */
export interface WrittenCall {
  name: string
  input: WrittenObject
  /** Arguments without a name, as Python allows them. */
  positional?: WrittenValue[]
}
