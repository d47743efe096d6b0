// How long a thread works without a pause in which it could answer somebody.
import { readFileSync } from 'node:fs'

/**
 * Looks every millisecond. -> milliseconds of the longest stretch since it was asked last: on Linux of the processor, so that
 * what else runs on the machine does not count; elsewhere on the clock. Of the main thread.
 */
export function watchStretches() {
  const file = `/proc/self/task/${process.pid}/schedstat`
  const now =
    process.platform === 'linux'
      ? () => Number(readFileSync(file, 'utf8').split(' ')[0]) / 1e6
      : () => performance.now()
  let before = now()
  let longest = 0
  const look = () => {
    const at = now()
    longest = Math.max(longest, at - before)
    before = at
  }
  setInterval(look, 1).unref()
  return () => {
    look()
    const most = longest
    longest = 0
    before = now()
    return most
  }
}
