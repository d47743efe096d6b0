/** The quantization of a model's KV cache, as text. */
import type { ModelInfo } from '../../index.js'

/** To append to another fact: `, keys and values in 8 bits`; empty if they are not quantized. */
export function kvBitsText({ kvBits }: Pick<ModelInfo, 'kvBits'>): string {
  return kvBits ? `, keys and values in ${kvBits} bits` : ''
}
