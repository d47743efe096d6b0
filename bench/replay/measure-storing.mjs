// What keeping blocks costs while they are computed, beside a bare loop over the model that keeps nothing.
import { loadNative } from '../../dist/engine/load.js'
import { median, prompt } from '../numbers.mjs'
import { start } from '../request.mjs'

/**
 * Pairs on one engine, in changing order: the bare loop, and a request whose blocks go to memory and to disk. Both compute
 * the same number of tokens; no two prompts share a beginning.
 */
export async function measureStoring({ tether, model, pairs, length, decode }) {
  const native = await loadNative(model, { cacheDir: tether.folder('storing') })
  const { vocabSize } = native.info
  let seed = 5000
  const bare = async () => {
    const [prefill, decoding] = await native.bareLoop(prompt(length, seed++, vocabSize), decode)
    return { prefill, decoding }
  }
  const engine = async () => {
    const finish = await start(native, prompt(length, seed++, vocabSize), decode).done
    if (finish.cachedTokens > 0) throw new Error('a prompt was in the prefix cache: the bench must not repeat prompts')
    return { prefill: finish.prefillSeconds, decoding: finish.decodeSeconds }
  }
  try {
    await bare()
    await engine()
    const ratios = { prefill: [], decoding: [] }
    for (let pair = 0; pair < pairs; pair++) {
      const order = pair % 2 ? [engine, bare] : [bare, engine]
      const results = [await order[0](), await order[1]()]
      const [plain, storing] = pair % 2 ? results.reverse() : results
      ratios.prefill.push(storing.prefill / plain.prefill)
      ratios.decoding.push(plain.decoding / storing.decoding)
    }
    const { written, memoryBytes, diskBytes } = native.stats().cache
    console.log(
      `storing, ${pairs} pairs of ${length} tokens and ${decode} generated: prefill takes ${median(ratios.prefill).toFixed(3)} of the bare loop's time, decoding has ${median(ratios.decoding).toFixed(3)} of its speed; ${written} records were written, ${Math.round(diskBytes / 1e6)} MB on disk, ${Math.round(memoryBytes / 1e6)} in memory`,
    )
  } finally {
    native.close()
  }
}
