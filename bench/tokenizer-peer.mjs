// A JavaScript tokenizer for tokenizer.mjs: reads {"load": file} or {"encode": text}, writes time and memory.
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { createInterface } from 'node:readline'
import { crc32 } from 'node:zlib'

const [kind, place] = process.argv.slice(2)
const load = kind === 'tether' ? await tether() : huggingface()
let encode

for await (const line of createInterface({ input: process.stdin })) {
  const ask = JSON.parse(line)
  const before = process.memoryUsage().rss
  const cpu = process.cpuUsage()
  const began = performance.now()
  let ids
  if (ask.load) encode = await load(ask.load)
  else ids = encode(ask.encode)
  const ms = performance.now() - began
  const used = process.cpuUsage(cpu)
  const list = ids && Int32Array.from(ids)
  console.log(
    JSON.stringify({
      ms,
      cpu: (used.user + used.system) / 1000,
      mb: (process.memoryUsage().rss - before) / 2 ** 20,
      sum: list && crc32(new Uint8Array(list.buffer)),
    }),
  )
}

async function tether() {
  const { loadTokenizer } = await import('../dist/chat/tokenizer/load.js')
  return async (file) => {
    const tokenizer = await loadTokenizer(dirname(file), { cache: place || false })
    return (text) => tokenizer.encode(text, { special: true })
  }
}

function huggingface() {
  const { Tokenizer } = createRequire(join(place, 'package.json'))('@huggingface/tokenizers')
  return (file) => {
    const config = JSON.parse(readFileSync(join(dirname(file), 'tokenizer_config.json'), 'utf8'))
    const tokenizer = new Tokenizer(JSON.parse(readFileSync(file, 'utf8')), config)
    return (text) => tokenizer.encode(text, { add_special_tokens: false }).ids
  }
}
