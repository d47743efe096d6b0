// One greedy request to the engine itself, with its times.

/** -> its finish with its tokens, when the first came (ms) and how long it took in all (s); and what cancels it. */
export function start(native, prompt, maxTokens) {
  const started = performance.now()
  const knobs = { temperature: 0, topP: 1, topK: 0, minP: 0, repetitionPenalty: 1, stopTokens: new Int32Array(0) }
  let cancel
  const done = new Promise((resolve, reject) => {
    const tokens = []
    let first
    cancel = native.generate({ prompt, maxTokens, ...knobs }, (event) => {
      tokens.push(...event.tokens)
      if (tokens.length > 0) first ??= performance.now() - started
      if (event.error) reject(event.error)
      if (event.finish) resolve({ ...event.finish, tokens, first, seconds: (performance.now() - started) / 1000 })
    })
  })
  return { done, cancel }
}
