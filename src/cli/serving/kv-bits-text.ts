/** The quantization of a model's KV cache, as text. */
import type { ModelInfo } from '../../index.js'

/** To append to another fact: `, keys and values in 8 bits`; empty for 16, as most models have them. */
export function kvBitsText({ kvBits }: Pick<ModelInfo, 'kvBits'>): string {
  return kvBits && kvBits < 16 ? `, keys and values in ${kvBits} bits` : ''
}
