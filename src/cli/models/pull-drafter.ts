/** Downloads the assistant that drafts for a model, by the names that such are published under. */
import { TetherError } from '../../errors.js'
import { withoutBits } from '../../model/drafter-beside.js'
import { say } from '../terminal/say.js'

/** ORG/NAME, the likeliest first. Empty for a model that no assistant is published for: only Gemma 4 has them. */
export function namesOfDrafters(model: string): string[] {
  const base = withoutBits(model)
  if (!/\/gemma-?4-.*-it(-|$)/i.test(base) || /-assistant(-|$)/i.test(base)) return []
  const bits = model.slice(base.length)
  // A drafter of few bits is right less often, and small in any.
  const names = bits === '' ? ['', '-bf16'] : ['-bf16', bits, '']
  return [...new Set(names)].map((ending) => `${base}-assistant${ending}`)
}

/** `pull`: pulls one name. -> the exit status: 1 if there is none. Throws TetherError for what no other name would mend. */
export async function pullDrafter(model: string, pull: (name: string) => Promise<number>): Promise<number> {
  const names = namesOfDrafters(model)
  if (names.length === 0) {
    say(`no assistant is published for ${model}. Any smaller model of its vocabulary can draft for it: --draft MODEL`)
    return 1
  }
  for (const name of names) {
    try {
      return await pull(name)
    } catch (error) {
      const isElsewhere = error instanceof TetherError && ['model_not_found', 'unauthorized'].includes(error.code)
      if (!isElsewhere) throw error
    }
  }
  say(`there is no assistant for ${model} under the names ${names.join(', ')}`)
  return 1
}
