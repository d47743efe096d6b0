// Sends one greedy request to the native engine and times it.
import { plainSampling } from '../dist/options.js'

/**
 * `done` is the finish, with the tokens, when each of them arrived, the delay of the first one (ms) and the total time
 * (s); `cancel` cancels the request. `more`: other fields of the request, and `onTokens`, called with the number of new ones.
 */
export function start(native, prompt, maxTokens, { onTokens, ...more } = {}) {
  const started = performance.now()
  const sampling = { ...plainSampling, temperature: 0, stopTokens: new Int32Array(0) }
  let cancel
  const done = new Promise((resolve, reject) => {
    const tokens = []
    const times = []
    cancel = native.generate({ prompt, maxTokens, ...sampling, ...more }, (event) => {
      tokens.push(...event.tokens)
      if (event.tokens.length > 0) onTokens?.(event.tokens.length)
      while (times.length < tokens.length) times.push(performance.now())
      if (event.error) reject(event.error)
      if (!event.finish) return
      const seconds = (performance.now() - started) / 1000
      resolve({ ...event.finish, tokens, times, first: times[0] - started, seconds })
    })
  })
  return { done, cancel }
}
