/** Reads fields of config.json defensively: a missing or mistyped field is undefined. */

export type Fields = Record<string, unknown>

/** The part of a config that describes the language model: `text_config` where there is one. */
export function textPart(config: Fields): Fields {
  return object(config.text_config) ?? config
}

export function object(value: unknown): Fields | undefined {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Fields) : undefined
}

export function positive(value: unknown): number | undefined {
  return typeof value === 'number' && Number.isFinite(value) && value > 0 ? value : undefined
}

export function string(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined
}

export function strings(value: unknown): string[] | undefined {
  return Array.isArray(value) && value.every((item) => typeof item === 'string') ? value : undefined
}
