/** How published checkpoints store their weights, MLX's formats and those of other programs. */
import type { Storage } from './tensors.js'

const affine = (bits: number): Storage => ({ dtype: 'BF16', mode: 'affine', bits, group: 64 })

/** What tether reads. The keys are what its list of models says. */
export const STORED = {
  bf16: { dtype: 'BF16' },
  f16: { dtype: 'F16' },
  f32: { dtype: 'F32' },
  '3-bit': affine(3),
  '4-bit': affine(4),
  '5-bit': affine(5),
  '6-bit': affine(6),
  '8-bit': affine(8),
  '4/8-bit': { ...affine(4), others: { down_proj: 8, v_proj: 8, 'router.proj': 8 } },
  '6/8-bit': { ...affine(6), others: { down_proj: 8, v_proj: 8 } },
  mxfp4: { dtype: 'BF16', mode: 'mxfp4', bits: 4, group: 32 },
  mxfp8: { dtype: 'BF16', mode: 'mxfp8', bits: 8, group: 32 },
  nvfp4: { dtype: 'BF16', mode: 'nvfp4', bits: 4, group: 16 },
} as const satisfies Record<string, Storage>

/** What it refuses. */
export const FOREIGN = [
  'GGUF',
  'GPTQ',
  'AWQ',
  'bitsandbytes',
  'fp8',
  'compressed-tensors',
  'PyTorch',
  'npz',
  'LoRA adapter',
  "Mistral's own",
] as const

export type StorageName = keyof typeof STORED | (typeof FOREIGN)[number]

export function storageOf(name: StorageName): Storage | undefined {
  return (STORED as Record<string, Storage>)[name]
}
