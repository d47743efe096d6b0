/** Calls as JSON objects, as a grammar: `{"name": …, "arguments": {…}}`. */
import { fitting, oneOf, SPACE, sequence, text } from '../grammar/rule.js'
import type { CallSyntax, ChatTool, Rule } from '../types.js'

/** A call of one of the tools. `key`: what this family calls the input. */
export function jsonCall(tools: readonly ChatTool[], key: 'arguments' | 'parameters'): Rule {
  const named = tools.map(({ name, schema }) =>
    sequence(
      text(JSON.stringify(name)),
      SPACE,
      text(','),
      SPACE,
      text(`"${key}"`),
      SPACE,
      text(':'),
      SPACE,
      fitting(schema),
    ),
  )
  return sequence(text('{'), SPACE, text('"name"'), SPACE, text(':'), SPACE, oneOf(named), SPACE, text('}'))
}

/** The call that our prompt teaches: in a fence. */
export function fencedSyntax(fence: string): CallSyntax {
  return {
    controls: [],
    texts: [fence],
    rule: (tools) => sequence(jsonCall(tools, 'arguments'), text('\n```')),
  }
}

/** In tags, which are tokens in some vocabularies and text in others. */
export function taggedSyntax(open: string, close: string): CallSyntax {
  return {
    controls: [open],
    texts: [open],
    rule(tools, { id }) {
      const end = id(close)
      const closing: Rule = end === undefined ? text(close) : oneOf([{ type: 'token', token: end }, text(close)])
      return sequence(SPACE, jsonCall(tools, 'arguments'), SPACE, closing)
    },
  }
}

/**
 * After a control token, or at the beginning of an answer, without an end of their own. An answer may begin with other JSON,
 * even with the name of a tool; what has `parameters` behind such a name is read as a call, so it is held as one.
 */
export function markedSyntax(marker: string): CallSyntax {
  return { controls: [marker], texts: [], opening: '"parameters"', rule: (tools) => jsonCall(tools, 'parameters') }
}
