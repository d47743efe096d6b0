/** Reads what follows a raw prompt: text, in which control tokens are left out. */
import type { OutputFormat } from '../chat/types.js'

export const rawOutput: Pick<OutputFormat, 'reader' | 'thought'> = {
  reader: () => ({
    push: (piece) => (typeof piece === 'string' ? [{ type: 'text', text: piece }] : []),
    end: () => [],
  }),
}
