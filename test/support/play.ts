/** Prompts for the scripted model of test/support/scripted-model.mjs: they say themselves what is to be answered. */

/** A part of an answer: text, a call, a thought, or silence before the next. `pace`: seconds after each 16 tokens. */
export type Step =
  | string
  | { text: string; pace: number }
  | { call: string; input: object }
  | { think: string }
  | { wait: number }

/** A line that makes the model give these answers, one after another; the last one has no call, and is repeated. */
export function play(...answers: Step[][]): string {
  return `Play: ${JSON.stringify(answers)}`
}

export function call(name: string, input: object): Step {
  return { call: name, input }
}
