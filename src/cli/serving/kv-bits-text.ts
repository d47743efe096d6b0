/** How a loaded model keeps keys and values, where that is not as they are computed. */
import type { ModelInfo } from '../../index.js'

/** To be put behind another fact: `, keys and values in 8 bits`, or nothing. */
export function kvBitsText({ kvBits }: Pick<ModelInfo, 'kvBits'>): string {
  return kvBits ? `, keys and values in ${kvBits} bits` : ''
}
