// Makes a drafter of a checkpoint by leaving out layers: it costs less, and says the same less often.
import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'

const HELP = `node bench/fewer-layers.mjs FROM TO --layers LIST
  FROM           folder of a checkpoint with one file of weights, such as one in 4 bits of bench/quantize.py
  TO             folder that is made
  --layers LIST  that stay, from 0 on, such as 0-9 or 0-5,28-29`

const WEIGHTS = 'model.safetensors'
const LAYER = /^((?:.*\.)?layers\.)(\d+)(\..*)$/

/** `0-5,28-29` -> the numbers, in order. */
function layersOf(list, count) {
  const layers = list.split(',').flatMap((part) => {
    const [first, last = first] = part.split('-').map(Number)
    if (!Number.isInteger(first) || !Number.isInteger(last) || first > last || last >= count)
      throw new Error(`--layers ${list}: the checkpoint has layers 0 to ${count - 1}`)
    return Array.from({ length: last - first + 1 }, (_, i) => first + i)
  })
  return [...new Set(layers)].sort((a, b) => a - b)
}

function readTensors(file) {
  const bytes = readFileSync(file)
  const size = Number(bytes.readBigUInt64LE(0))
  const { __metadata__: _, ...header } = JSON.parse(bytes.toString('utf8', 8, 8 + size))
  const data = bytes.subarray(8 + size)
  const tensorOf = ([name, { data_offsets: offsets, ...rest }]) => ({ name, ...rest, data: data.subarray(...offsets) })
  return Object.entries(header).map(tensorOf)
}

function writeTensors(file, tensors) {
  let offset = 0
  const header = {}
  for (const { name, dtype, shape, data } of tensors) {
    header[name] = { dtype, shape, data_offsets: [offset, offset + data.length] }
    offset += data.length
  }
  const text = Buffer.from(JSON.stringify(header))
  const length = Buffer.alloc(8)
  length.writeBigUInt64LE(BigInt(text.length))
  writeFileSync(file, Buffer.concat([length, text, ...tensors.map(({ data }) => data)]))
}

/** Under the layer's new number; undefined for one that goes. */
function renamed(tensor, layers) {
  const [, before, layer, after] = LAYER.exec(tensor.name) ?? []
  if (layer === undefined) return tensor
  const place = layers.indexOf(Number(layer))
  return place < 0 ? undefined : { ...tensor, name: `${before}${place}${after}` }
}

function make(from, to, list) {
  const config = JSON.parse(readFileSync(join(from, 'config.json'), 'utf8'))
  const layers = layersOf(list, config.num_hidden_layers)
  const types = config.layer_types && { layer_types: layers.map((layer) => config.layer_types[layer]) }
  const tensors = readTensors(join(from, WEIGHTS)).flatMap((tensor) => renamed(tensor, layers) ?? [])
  mkdirSync(to, { recursive: true })
  writeTensors(join(to, WEIGHTS), tensors)
  for (const name of readdirSync(from).filter((one) => one.startsWith('tokenizer')))
    copyFileSync(join(from, name), join(to, name))
  const made = { ...config, ...types, num_hidden_layers: layers.length }
  writeFileSync(join(to, 'config.json'), `${JSON.stringify(made, null, 2)}\n`)
}

const { values, positionals } = parseArgs({
  options: { layers: { type: 'string' }, help: { type: 'boolean', default: false } },
  allowPositionals: true,
})
const [from, to] = positionals
if (values.help || from === undefined || to === undefined || values.layers === undefined) console.log(HELP)
else if (!existsSync(join(from, WEIGHTS))) throw new Error(`${from} has no ${WEIGHTS}`)
else make(from, to, values.layers)
