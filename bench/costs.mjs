// What a way to keep weights or keys and values costs: perplexity, and speed beside the first of several engines.
import { median, prompt } from './numbers.mjs'

/** Of the tokens at `places`: by default of all but the first. */
export function perplexity(scores, places = [...scores.keys()].slice(1)) {
  return Math.exp(-places.reduce((sum, at) => sum + scores[at], 0) / places.length)
}

/**
 * Times the bare loop, which has none of the engine's other work, in turns. -> of each engine the median ratios of its speed
 * to the first one's in the same round, and tokens per second
 */
export async function compareSpeed(engines, { runs, length, decode }) {
  const seconds = engines.map(() => [])
  for (let run = 0; run <= runs; run++) {
    for (let turn = 0; turn < engines.length; turn++) {
      const at = (turn + run) % engines.length
      const engine = engines[at]
      const times = await engine.bareLoop(prompt(length, run + 1, engine.info.vocabSize), decode)
      // The first run warms up.
      if (run > 0) seconds[at].push(times)
    }
  }
  return seconds.map((rounds) => {
    const ratio = (part) => median(rounds.map((times, run) => seconds[0][run][part] / times[part]))
    return {
      prefill: ratio(0),
      decode: ratio(1),
      prefillRate: length / median(rounds.map((times) => times[0])),
      decodeRate: (decode - 1) / median(rounds.map((times) => times[1])),
    }
  })
}
