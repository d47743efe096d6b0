/** Which file of a checkpoint its tokenizer is read from. */

/** Of several the first is read. */
const FILES = ['tokenizer.json', 'tekken.json', 'tokenizer.model'] as const
export type TokenizerFileName = (typeof FILES)[number]

/** undefined: none of these files is one. */
export function tokenizerFileAmong(has: (name: string) => boolean): TokenizerFileName | undefined {
  return FILES.find(has)
}
