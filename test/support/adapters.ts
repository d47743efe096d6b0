/** Random LoRA adapters for the tiny checkpoints, and copies of these with an adapter merged into their weights. */
import { cp, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'
import { editTensors, readTensors, type StoredTensor, writeTensors } from './checkpoints.js'
import { seeded } from './random.mjs'

export interface RandomAdapter {
  seed: number
  rank?: number
  scale?: number
  layout?: 'mlx' | 'peft'
  /** The layers that it changes, by their names in the checkpoint. Default: those of attention and MLP. */
  layers?: RegExp
  /** Name of its folder, and where that is. Default: in a folder of its own, which is removed when the test ends. */
  name?: string
  parent?: string
}

interface Matrices {
  out: number
  in: number
  /** (in, rank) and (rank, out), row by row. */
  a: Float32Array
  b: Float32Array
}

const ATTENTION_AND_MLP = /\.(self_attn|mlp)\.(q|k|v|o|gate|up|down)_proj$/

/** Writes an adapter for a checkpoint. -> its folder */
export async function writeAdapter(base: string, adapter: RandomAdapter): Promise<string> {
  const { rank = 4, scale = 2, layout = 'mlx', name = `adapter-${adapter.seed}` } = adapter
  const folder = join(adapter.parent ?? (await temporary('tether-adapter-')), name)
  await mkdir(folder)
  const tensors = new Map<string, StoredTensor>()
  const layers = await matricesOf(base, adapter)
  for (const [layer, matrices] of layers) {
    const { a, b, in: width, out } = matrices
    if (layout === 'mlx') {
      tensors.set(`${layer}.lora_a`, stored(a, [width, rank]))
      tensors.set(`${layer}.lora_b`, stored(b, [rank, out]))
    } else {
      const peft = `base_model.model.${layer}`
      tensors.set(`${peft}.lora_A.weight`, stored(transposed(a, width, rank), [rank, width]))
      tensors.set(`${peft}.lora_B.weight`, stored(transposed(b, rank, out), [out, rank]))
    }
  }
  await writeTensors(join(folder, layout === 'mlx' ? 'adapters.safetensors' : 'adapter_model.safetensors'), tensors)
  const keys = [...new Set([...layers.keys()].flatMap((layer) => /layers\.\d+\.(.*)$/.exec(layer)?.[1] ?? []))]
  const config =
    layout === 'mlx'
      ? { fine_tune_type: 'lora', num_layers: -1, lora_parameters: { rank, scale, dropout: 0, keys } }
      : { peft_type: 'LORA', r: rank, lora_alpha: scale * rank, target_modules: keys, bias: 'none' }
  await writeFile(join(folder, 'adapter_config.json'), JSON.stringify(config))
  return folder
}

/** A copy of a checkpoint whose weights W are W + scale * (a b) transposed. -> its folder */
export async function mergedWith(base: string, adapter: RandomAdapter): Promise<string> {
  const { rank = 4, scale = 2 } = adapter
  const folder = await temporary('tether-merged-')
  await cp(base, folder, { recursive: true })
  const layers = await matricesOf(base, adapter)
  for (const file of await weightFiles(folder)) {
    await editTensors(file, (tensors) => {
      for (const [layer, { a, b, in: width, out }] of layers) {
        const weight = tensors.get(`${layer}.weight`)
        if (!weight) continue
        const numbers = floatsOf(weight)
        for (let row = 0; row < out; row++) {
          for (let column = 0; column < width; column++) {
            let sum = 0
            for (let k = 0; k < rank; k++) sum += (a[column * rank + k] as number) * (b[k * out + row] as number)
            numbers[row * width + column] = (numbers[row * width + column] as number) + scale * sum
          }
        }
        tensors.set(`${layer}.weight`, stored(numbers, [out, width]))
      }
    })
  }
  return folder
}

async function temporary(prefix: string): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), prefix))
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  return folder
}

async function matricesOf(base: string, { seed, rank = 4, layers = ATTENTION_AND_MLP }: RandomAdapter) {
  const config = JSON.parse(await readFile(join(base, 'config.json'), 'utf8'))
  const group = config.quantization?.group_size ?? 0
  const random = seeded(seed)
  const matrices = new Map<string, Matrices>()
  for (const file of await weightFiles(base)) {
    const tensors = await readTensors(file)
    for (const [name, { shape, dtype }] of tensors) {
      const layer = name.replace(/\.weight$/, '')
      if (layer === name || shape.length !== 2 || !layers.test(layer)) continue
      const [out = 0, packed = 0] = shape
      const width = dtype === 'U32' ? (tensors.get(`${layer}.scales`)?.shape[1] ?? 0) * group : packed
      const numbers = (count: number, most: number) =>
        Float32Array.from({ length: count }, () => (random.below(20001) / 10000 - 1) * most)
      matrices.set(layer, {
        out,
        in: width,
        a: numbers(width * rank, 1 / Math.sqrt(width)),
        b: numbers(rank * out, 0.2),
      })
    }
  }
  return matrices
}

async function weightFiles(folder: string): Promise<string[]> {
  return (await readdir(folder)).filter((name) => name.endsWith('.safetensors')).map((name) => join(folder, name))
}

export function stored(numbers: Float32Array, shape: number[]): StoredTensor {
  return { dtype: 'F32', shape, data: Buffer.from(numbers.buffer, numbers.byteOffset, numbers.byteLength) }
}

function transposed(numbers: Float32Array, rows: number, columns: number): Float32Array {
  return Float32Array.from(
    { length: numbers.length },
    (_, i) => numbers[(i % rows) * columns + Math.floor(i / rows)] as number,
  )
}

function floatsOf({ dtype, data }: StoredTensor): Float32Array {
  const bytes = new DataView(data.buffer, data.byteOffset, data.byteLength)
  if (dtype === 'F32') return Float32Array.from({ length: data.length / 4 }, (_, i) => bytes.getFloat32(4 * i, true))
  if (dtype !== 'BF16') throw new Error(`a tensor of ${dtype} cannot be merged`)
  const word = new DataView(new ArrayBuffer(4))
  return Float32Array.from({ length: data.length / 2 }, (_, i) => {
    word.setUint16(2, bytes.getUint16(2 * i, true), true)
    return word.getFloat32(0, true)
  })
}
