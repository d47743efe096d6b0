/** Reads the parts of tokenizer.json; what is not as it should be is an error that names the file. */
import { TetherError } from '../../errors.js'

/** One JSON object of tokenizer.json, with its place for messages. */
export class Spec {
  constructor(
    readonly json: Record<string, unknown>,
    readonly place: string,
  ) {}

  get type(): string {
    return this.text('type')
  }

  text(key: string, fallback?: string): string {
    const value = this.json[key] ?? fallback
    if (typeof value !== 'string') throw this.bad(`"${key}" must be a string`)
    return value
  }

  flag(key: string): boolean {
    return this.json[key] === true
  }

  /** undefined where absent or null. */
  object(key: string): Spec | undefined {
    const value = this.json[key]
    if (value === undefined || value === null) return undefined
    return toSpec(value, `${this.place}: ${key}`)
  }

  list(key: string): Spec[] {
    const value = this.json[key] ?? []
    if (!Array.isArray(value)) throw this.bad(`"${key}" must be a list`)
    return value.map((item, i) => toSpec(item, `${this.place}: ${key}[${i}]`))
  }

  bad(what: string): TetherError {
    return new TetherError('bad_tokenizer', `${this.place}: ${what}; get tokenizer.json again`)
  }

  unsupported(): TetherError {
    return new TetherError('bad_tokenizer', `${this.place}: "${this.type}" is a kind that tether does not know yet`)
  }
}

export function toSpec(value: unknown, place: string): Spec {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) {
    return new Spec(value as Record<string, unknown>, place)
  }
  throw new TetherError('bad_tokenizer', `${place} must be an object; get tokenizer.json again`)
}
