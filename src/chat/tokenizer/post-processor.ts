/** Post-processors: the ids that the tokenizer itself puts before a text. */
import type { Fail, Step } from './file.js'

/** The ids before a single text. */
export function readPrefix(step: Step | null | undefined, fail: Fail): number[] {
  if (!step || step.type === 'ByteLevel') return []
  if (step.type === 'Sequence') {
    return ((step.processors ?? []) as Step[]).flatMap((inner) => readPrefix(inner, fail))
  }
  if (step.type !== 'TemplateProcessing') return fail(`has a post-processor of the unknown type ${step.type}`)
  const single = (step.single ?? []) as { SpecialToken?: { id: string }; Sequence?: unknown }[]
  const tokens = (step.special_tokens ?? {}) as Record<string, { ids: number[] }>
  const start = single.findIndex((part) => part.Sequence !== undefined)
  return single.slice(0, Math.max(0, start)).flatMap((part) => {
    const ids = part.SpecialToken && tokens[part.SpecialToken.id]?.ids
    return ids ?? fail(`has a template with the unknown token ${part.SpecialToken?.id}`)
  })
}
