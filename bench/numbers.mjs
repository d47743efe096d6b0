// Prompts that share no prefix, and medians.

/** Random tokens: the same for the same seed, with another start for another seed. */
export function prompt(length, seed, vocabSize) {
  let state = seed * 2654435761 + 1
  return Int32Array.from({ length }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return state % vocabSize
  })
}

export function median(numbers) {
  const sorted = [...numbers].sort((a, b) => a - b)
  const half = sorted.length >> 1
  return sorted.length % 2 ? sorted[half] : (sorted[half - 1] + sorted[half]) / 2
}
