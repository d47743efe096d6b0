// An engine that computes nothing: each pass gives every request that is read one token of a text.
const TEXT = 'The agent reads the path that was given, and each file keeps what is already known of the branch. '

/** `info`: of the real engine in whose place it stands. */
export function fakeEngine(info, tokenizer) {
  const text = tokenizer.encode(TEXT, { special: false })
  let live = 0
  let pass
  /** The end of the current pass. All requests that wait have the same one, as with the real engine. */
  const nextPass = () => {
    pass ??= new Promise((resolve) => {
      setImmediate(() => {
        pass = undefined
        resolve()
      })
    })
    return pass
  }
  async function* generate({ prompt, maxTokens }, signal) {
    live++
    let outputTokens = 0
    const counts = { promptTokens: prompt.length, cachedTokens: 0, createdTokens: 0, computedTokens: prompt.length }
    const times = { queueSeconds: 0, prefillSeconds: 0, decodeSeconds: 0 }
    const finish = (reason) => ({
      tokens: new Int32Array(0),
      finish: { reason, ...counts, outputTokens, miss: null, ...times },
    })
    try {
      while (outputTokens < maxTokens) {
        await nextPass()
        if (signal?.aborted) return yield finish('cancelled')
        yield { tokens: Int32Array.of(text[outputTokens++ % text.length]) }
      }
      yield finish('length')
    } finally {
      live--
    }
  }
  return { info, generate, live: () => live }
}
