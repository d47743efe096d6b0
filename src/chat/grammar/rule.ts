/** Makes rules, and the grammar of a rule. */
import type { JsonObject, Rule } from '../types.js'

// As much as a line of pretty-printed JSON is indented. Without a bound white space might never end.
const MOST_SPACE = 20

/** Half a character, which a tool's name may have, is none that a model writes. */
export function text(value: string): Rule {
  return { type: 'const_string', value: value.toWellFormed() }
}

/** White space as JSON has it between its signs. */
export const SPACE: Rule = { type: 'regex', pattern: `[ \\n\\t]{0,${MOST_SPACE}}` }

export function sequence(...elements: Rule[]): Rule {
  return { type: 'sequence', elements }
}

export function oneOf(elements: Rule[]): Rule {
  return elements.length === 1 ? (elements[0] as Rule) : { type: 'or', elements }
}

/** A value that fits the schema, in JSON or in Gemma 4's writing, which has hardly any white space between its signs. */
export function fitting(schema: JsonObject, style: 'json' | 'gemma' = 'json'): Rule {
  return { type: 'json_schema', json_schema: schema, style, max_whitespace_cnt: style === 'gemma' ? 1 : MOST_SPACE }
}

/** The grammar of a rule. */
export function sourceOf(rule: Rule): string {
  return JSON.stringify({ type: 'structural_tag', format: rule })
}
