/** Tells a repository with a model that tether reads from those with something else: GGUF, PyTorch, an adapter. */
import { TetherError } from '../../errors.js'
import type { Repo } from '../repo.js'
import type { Hub } from './hub.js'
import type { HubModel } from './hub-model.js'
import { indexFile } from './needed-files.js'

/** Looks at names of files only. Throws `download_failed`, naming what is there and what to do. */
export function checkKind(model: HubModel, hub: Hub, command: (repo: Repo) => string): void {
  const has = (pattern: RegExp) => model.paths.some((path) => pattern.test(path))
  const hasConfig = model.paths.includes('config.json')
  const hasWeights = model.paths.some((path) => path === 'model.safetensors' || path === indexFile)
  if (hasConfig && hasWeights) return
  if (has(/(^|\/)(adapter_config\.json|adapter_model\.\w+|adapters\.(safetensors|npz))$/)) throw adapter(model, command)
  throw new TetherError('download_failed', `${model.name} ${contents(has, { hasConfig })}\n${mlxVersion(model, hub)}`)
}

function contents(has: (pattern: RegExp) => boolean, { hasConfig }: { hasConfig: boolean }): string {
  if (has(/\.gguf$/)) return 'holds GGUF files, which tether does not read.'
  if (has(/(^|\/)model_index\.json$/)) return 'is an image model (diffusers), not a language model.'
  if (has(/\.safetensors$/)) {
    if (!hasConfig) return 'has no config.json, so it is not a model that tether can load.'
    return `has .safetensors files, but neither model.safetensors nor ${indexFile}, so tether cannot load it.`
  }
  if (has(/\.(bin|pt|pth|ckpt)$/)) return 'holds PyTorch weights (.bin, .pt), which tether does not read.'
  const kinds = ['onnx', 'npz', 'h5', 'msgpack', 'tflite'].filter((kind) => has(new RegExp(`\\.${kind}$`)))
  if (kinds.length > 0)
    return `holds ${kinds.map((kind) => `.${kind}`).join(' and ')} weights, which tether does not read.`
  return 'has no weights.'
}

function mlxVersion({ name }: HubModel, { endpoint }: Hub): string {
  const plain = name.replace(/^.*\//, '').replace(/[-_.]i?\d*-?gguf$/i, '')
  const search = `${endpoint}/models?library=mlx&search=${encodeURIComponent(plain)}`
  return `Use an MLX version of the model, such as one from mlx-community:\n  ${search}`
}

function adapter({ name, baseModel }: HubModel, command: (repo: Repo) => string): TetherError {
  const what = `${name} is an adapter (LoRA), not a whole model. tether does not read adapters.`
  const fix = baseModel
    ? `To download the model that it changes:\n  ${command({ name: baseModel })}`
    : 'Use a repository in which the adapter is merged into the model (fused).'
  return new TetherError('download_failed', `${what}\n${fix}`)
}
