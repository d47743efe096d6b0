// How far a build is, from what ninja or make print, and how long it still takes.

/**
 * `parallel`: how many compilers run together. `now`: milliseconds.
 * `add` gets the output in any pieces; `text` is the state in a line.
 */
export function buildProgress({ parallel = 1, now = () => performance.now() } = {}) {
  const started = now()
  let rest = ''
  let step
  let endsAt
  const read = (line) => {
    // Other steps, such as [0/2] Re-checking globbed directories, are ninja's preparations.
    const found = /^\[\s*(?:(\d+)\/(\d+)|(\d+)%)\]\s+(?:Building|Linking)\b/.exec(line)
    if (!found) return
    const [, done, total, percent] = found
    step = percent ? { done: Number(percent), total: 100, shown: `${percent}%` } : counted(done, total)
    // Half of what each compiler works on now is taken for done.
    const isEarly = step.done < Math.max(step.total / 10, parallel) || now() - started < 5000
    const worked = step.done + (percent ? 0 : parallel / 2)
    endsAt = isEarly ? undefined : now() + Math.max(0, ((now() - started) * (step.total - worked)) / worked)
  }
  return {
    add(data) {
      const lines = (rest + data).split('\n')
      rest = lines.pop()
      for (const line of lines) read(line)
    },
    text() {
      const elapsed = clock(now() - started)
      if (!step) return `  preparing, ${elapsed}`
      const left = endsAt === undefined ? '' : `, ${timeLeft(endsAt - now())} left`
      return `  ${step.shown}, ${elapsed}${left}`
    },
  }
}

function counted(done, total) {
  return { done: Number(done), total: Number(total), shown: `${done} of ${total} files` }
}

/** Milliseconds as 1:05. */
export function clock(ms) {
  const seconds = Math.floor(ms / 1000)
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, '0')}`
}

/** An estimate, rounded so that nobody takes it for a promise. */
export function timeLeft(ms) {
  const seconds = ms / 1000
  if (seconds < 10) return 'a few seconds'
  if (seconds < 50) return `about ${Math.ceil(seconds / 10) * 10} s`
  return `about ${Math.max(1, Math.round(seconds / 60))} min`
}
