// One greedy request to the engine itself, with its times.

/** -> its finish with its tokens, when each came and the first did (ms), and how long it took in all (s); and what cancels it. */
export function start(native, prompt, maxTokens) {
  const started = performance.now()
  const knobs = { temperature: 0, topP: 1, topK: 0, minP: 0, repetitionPenalty: 1, stopTokens: new Int32Array(0) }
  let cancel
  const done = new Promise((resolve, reject) => {
    const tokens = []
    const times = []
    cancel = native.generate({ prompt, maxTokens, ...knobs }, (event) => {
      tokens.push(...event.tokens)
      while (times.length < tokens.length) times.push(performance.now())
      if (event.error) reject(event.error)
      if (!event.finish) return
      const seconds = (performance.now() - started) / 1000
      resolve({ ...event.finish, tokens, times, first: times[0] - started, seconds })
    })
  })
  return { done, cancel }
}
