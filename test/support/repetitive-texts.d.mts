/** By name. */
export function repetitiveTexts(): Record<string, string>
