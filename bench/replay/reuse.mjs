// How many tokens of prompts were reused, of those that could be.

/**
 * Watches generations. What is possible for a prompt is the longest beginning that it shares with any earlier prompt and
 * its answer, but for its last token, which is always computed.
 */
export function reuseWatch() {
  const seen = []
  const running = new Map()
  const counted = []
  return {
    began(id, prompt) {
      const possible = Math.max(0, ...seen.map(({ tokens }) => common(tokens, prompt)))
      const entry = { tokens: prompt }
      running.set(id, { entry, possible: Math.min(possible, prompt.length - 1) })
      seen.push(entry)
    },
    ended(id, tokens, finish) {
      const { entry, possible } = running.get(id)
      running.delete(id)
      const { reason, promptTokens, cachedTokens, computedTokens, miss } = finish
      // The last token of an answer that is cut was given out, but the model never read it.
      entry.tokens = Int32Array.of(...entry.tokens, ...(reason === 'stop' ? tokens : tokens.subarray(0, -1)))
      if (cachedTokens + computedTokens !== promptTokens)
        throw new Error(`${cachedTokens} tokens reused and ${computedTokens} computed of a prompt of ${promptTokens}`)
      counted.push({ possible, reused: cachedTokens, prompt: promptTokens, miss })
    },
    /** -> the sums since the last call, and the prompts of which less was reused than possible */
    async take() {
      // An answer may reach its client before its finish is here.
      while (running.size > 0) await new Promise((resolve) => setTimeout(resolve, 5))
      const taken = counted.splice(0)
      const sum = (name) => taken.reduce((all, one) => all + one[name], 0)
      const short = taken.filter(({ possible, reused }) => reused < possible)
      return { requests: taken.length, prompt: sum('prompt'), possible: sum('possible'), reused: sum('reused'), short }
    },
  }
}

function common(a, b) {
  const end = Math.min(a.length, b.length)
  let i = 0
  while (i < end && a[i] === b[i]) i++
  return i
}
