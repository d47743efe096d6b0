/** Normalizers: what happens to a text before it is split. */
import type { Fail, Step } from './file.js'
import { readPattern } from './pattern.js'

export type Normalize = (text: string) => string

export function readNormalizer(step: Step | null | undefined, fail: Fail): Normalize {
  if (!step) return (text) => text
  switch (step.type) {
    case 'Sequence': {
      const all = ((step.normalizers ?? []) as Step[]).map((inner) => readNormalizer(inner, fail))
      return (text) => all.reduce((result, normalize) => normalize(result), text)
    }
    case 'Replace': {
      const { String: plain } = (step.pattern ?? {}) as { String?: string }
      const content = String(step.content ?? '')
      if (plain) return (text) => text.replaceAll(plain, () => content)
      const pattern = readPattern(step.pattern, fail)
      return (text) => text.replace(pattern, () => content)
    }
    case 'Prepend': {
      const start = String(step.prepend ?? '')
      return (text) => (text === '' ? text : start + text)
    }
    case 'Strip': {
      const left = step.strip_left !== false ? /^\p{White_Space}+/u : undefined
      const right = step.strip_right !== false ? /\p{White_Space}+$/u : undefined
      return (text) => {
        const started = left ? text.replace(left, '') : text
        return right ? started.replace(right, '') : started
      }
    }
    case 'Lowercase':
      return (text) => text.toLowerCase()
    case 'NFC':
    case 'NFD':
    case 'NFKC':
    case 'NFKD': {
      const form = step.type
      return (text) => text.normalize(form)
    }
    default:
      return fail(`has a normalizer of the unknown type ${step.type}`)
  }
}
