/** The stage for a request that wants no call: a model that writes one all the same is quoted in plain words. */
import type { GeneratedPart } from './read-answer.js'

/** The caller would see the family's markup otherwise. The rule is here, so that it is the same for every format. */
export async function* callsAsWords(
  parts: AsyncIterable<GeneratedPart>,
): AsyncGenerator<GeneratedPart, void, undefined> {
  let isLineStart = true
  for await (const part of parts) {
    if (part.type === 'text' && part.text !== '') isLineStart = part.text.endsWith('\n')
    if (part.type !== 'tool_call') {
      yield part
      continue
    }
    const input = part.json ?? JSON.stringify(part.input)
    yield { type: 'text', text: `${isLineStart ? '' : '\n'}I would call ${part.name} with ${input}.\n` }
    isLineStart = true
  }
}
