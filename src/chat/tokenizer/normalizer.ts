/** Normalizers: they change a text before it is split. */
import type { Fail, Step } from './file.js'
import { readPattern } from './pattern.js'

export interface Normalizer {
  normalize(text: string): string
  /** Whether each character is changed by itself, so that a text may be normalized in parts. */
  readonly local: boolean
}

export function readNormalizer(step: Step | null | undefined, fail: Fail): Normalizer {
  if (!step) return { normalize: (text) => text, local: true }
  switch (step.type) {
    case 'Sequence': {
      const all = ((step.normalizers ?? []) as Step[]).map((inner) => readNormalizer(inner, fail))
      const normalize = (text: string) => all.reduce((result, inner) => inner.normalize(result), text)
      return { normalize, local: all.every(({ local }) => local) }
    }
    case 'Replace': {
      const { String: plain } = (step.pattern ?? {}) as { String?: string }
      const content = String(step.content ?? '')
      if (plain) {
        // A string is several times faster than a function, but $ is special in it.
        const replacement = content.replaceAll('$', '$$$$')
        return { normalize: (text) => text.replaceAll(plain, replacement), local: plain.length === 1 }
      }
      const pattern = readPattern(step.pattern, fail)
      return { normalize: (text) => text.replace(pattern, () => content), local: false }
    }
    case 'Prepend': {
      const start = String(step.prepend ?? '')
      return { normalize: (text) => (text === '' ? text : start + text), local: start === '' }
    }
    default:
      return fail(`has a normalizer of the unknown type ${step.type}`)
  }
}
