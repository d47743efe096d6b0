/** Mistral's calls as a grammar: a list of JSON objects, or a name and its input. */
import { fitting, oneOf, SPACE, sequence, text } from '../grammar/rule.js'
import type { CallSyntax, Rule } from '../types.js'
import { jsonCall } from './json-syntax.js'

/** `marker`: begins the calls. `args`: stands between a name and its input. Both are control tokens. */
export function mistralSyntax(marker: string, args: string): CallSyntax {
  return {
    controls: [marker],
    texts: [],
    rule(tools, { id, parallel }) {
      const call = jsonCall(tools, 'arguments')
      const more: Rule[] = parallel ? [{ type: 'star', content: sequence(SPACE, text(','), SPACE, call) }] : []
      const list = sequence(text('['), SPACE, call, ...more, SPACE, text(']'))
      const token = id(args)
      const between: Rule[] = token === undefined ? [] : [{ type: 'token', token }]
      const named = tools.map(({ name, schema }) => sequence(text(name), ...between, fitting(schema)))
      return oneOf([list, oneOf(named)])
    },
  }
}
