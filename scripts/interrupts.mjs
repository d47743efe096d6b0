// Ctrl-C and other signals while a script sets up a clone: its children end as well, and the user learns what is kept.
import { note } from './terminal-lines.mjs'

const signals = { SIGHUP: 1, SIGINT: 2, SIGTERM: 15 }

/** Running children, each with the function that sends it a signal. */
const children = new Map()

let depth = 0

/** Runs a body. A signal that comes meanwhile ends the children of `endWithUs`, then the process. */
export async function interruptible(body) {
  depth += 1
  if (depth === 1) for (const name of Object.keys(signals)) process.on(name, stop)
  try {
    return await body()
  } finally {
    depth -= 1
    if (depth === 0) for (const name of Object.keys(signals)) process.removeListener(name, stop)
  }
}

/** `group`: the child was started detached, so that the programs that it starts can be ended with it. */
export function endWithUs(child, { group = false } = {}) {
  children.set(child, (signal) => {
    try {
      if (group) process.kill(-child.pid, signal)
      else child.kill(signal)
    } catch {
      // It has just ended.
    }
  })
  child.once('close', () => children.delete(child))
}

/** Exits after the children: one that still writes would disturb the next start. */
function stop(signal) {
  const exit = () => {
    note('\nStopped. What is done is kept; to continue, run the same command again.')
    process.exit(128 + signals[signal])
  }
  if (children.size === 0) exit()
  for (const [child, end] of children) {
    child.once('close', () => children.size === 0 && exit())
    end('SIGTERM')
    setTimeout(end, patience, 'SIGKILL')
  }
}

/** Milliseconds. */
const patience = 3000
