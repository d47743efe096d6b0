// Measures how prefill time grows with the prompt, with full-attention layers and with sliding-window layers.
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { loadNative } from '../dist/engine/load.js'
import { makeCheckpoint, SMALL } from './checkpoint.mjs'
import { median, prompt } from './numbers.mjs'
import { start } from './request.mjs'

const { values: options } = parseArgs({
  options: {
    prompts: { type: 'string', default: '2048,8192,32768' },
    window: { type: 'string', default: '512' },
    runs: { type: 'string', default: '3' },
    help: { type: 'boolean', default: false },
  },
})

const HELP = `npm run bench:growth -- [options]
  --prompts 2048,8192,32768  lengths of the prompts, in tokens
  --window 512               window of the sliding layers, in tokens
  --runs 3                   measured runs of each`

/** A window that the prompts fit, and matrices so small that attention dominates. */
const SHAPE = { ...SMALL, max_position_embeddings: 65_536 }

const KINDS = { 'sliding layers': 'sliding_attention', 'full layers': 'full_attention' }

async function main() {
  const lengths = options.prompts.split(',').map(Number)
  const seconds = {}
  for (const [name, kind] of Object.entries(KINDS)) seconds[name] = await measure(kind, lengths)
  console.log(
    `prefill of a model of 13M parameters, all of its layers of one kind (window ${options.window}), medians of ${options.runs}\n`,
  )
  for (const [name, times] of Object.entries(seconds)) {
    for (const [i, length] of lengths.entries()) {
      const each = (times[i] / length) * 1e6
      const growth = each / ((times[0] / lengths[0]) * 1e6)
      console.log(
        `${name.padEnd(14)} ${String(length).padStart(6)} tokens: ${times[i].toFixed(2)} s, ${each.toFixed(0)} us a token, ${growth.toFixed(2)}x that of the shortest`,
      )
    }
  }
}

/** -> the median of the seconds of each length */
async function measure(kind, lengths) {
  const folder = await mkdtemp(join(tmpdir(), 'tether-growth-'))
  try {
    const layer_types = Array(SHAPE.num_hidden_layers).fill(kind)
    await makeCheckpoint(folder, { ...SHAPE, layer_types, sliding_window: Number(options.window) }, 1)
    const native = await loadNative(folder)
    const times = []
    await start(native, prompt(512, 99, SHAPE.vocab_size), 1).done
    for (const [i, length] of lengths.entries()) {
      const runs = []
      for (let run = 0; run < Number(options.runs); run++) {
        const tokens = prompt(length, 100 * (i + 1) + run, SHAPE.vocab_size)
        runs.push((await start(native, tokens, 1).done).prefillSeconds)
      }
      times.push(median(runs))
    }
    native.close()
    return times
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

if (options.help) console.log(HELP)
else await main()
