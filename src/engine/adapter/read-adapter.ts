/** A LoRA adapter's folder, in mlx-lm's layout or PEFT's, read and checked as far as it can be without the model. */
import { existsSync } from 'node:fs'
import { basename, join, resolve } from 'node:path'
import { TetherError } from '../../errors.js'
import { readJson } from '../json-file.js'
import { readSafetensors } from '../safetensors.js'
import type { Adapter } from '../types.js'
import { readMlx } from './mlx-layout.js'
import { readPeft } from './peft-layout.js'

const CONFIG = 'adapter_config.json'
const MLX_WEIGHTS = 'adapters.safetensors'
const PEFT_WEIGHTS = 'adapter_model.safetensors'

/** Throws `model_not_found`, `bad_config`, `bad_weights` or `unsupported_model`, naming what is wrong and the fix. */
export function readAdapter(folder: string): Adapter {
  const path = resolve(folder)
  const config = readJson(join(path, CONFIG))
  if (config === undefined) {
    throw new TetherError(
      'model_not_found',
      `${path} is not a LoRA adapter: it has no ${CONFIG}. Pass the folder of one, in mlx-lm's layout or PEFT's.`,
    )
  }
  const isPeft = config.peft_type !== undefined
  const file = weightsOf(path, isPeft)
  const tensors = readSafetensors(file)
  if (Object.keys(tensors).length === 0) throw faultOf(path, 'bad_weights')(`${file} has no tensors`)
  const refuse = faultOf(path, 'unsupported_model')
  if (isPeft)
    return { path, name: basename(path), file, transposed: true, ...readPeft({ config, tensors, fault: refuse }) }
  return { path, name: basename(path), file, transposed: false, ...readMlx({ config, tensors, fault: refuse }) }
}

function weightsOf(path: string, isPeft: boolean): string {
  const wanted = isPeft ? PEFT_WEIGHTS : MLX_WEIGHTS
  const file = join(path, wanted)
  if (existsSync(file)) return file
  const bin = join(path, 'adapter_model.bin')
  const npz = join(path, 'adapters.npz')
  const other = [bin, npz].find((one) => existsSync(one))
  const fix =
    other === undefined
      ? 'Copy or download the adapter again.'
      : `${basename(other)} is not read: save it as ${wanted}.`
  throw faultOf(path, 'bad_weights')(`it has no ${wanted}. ${fix}`)
}

function faultOf(path: string, code: 'bad_weights' | 'unsupported_model') {
  return (what: string) => new TetherError(code, `the adapter ${path} cannot be used: ${what.replace(/[^.]$/, '$&.')}`)
}
