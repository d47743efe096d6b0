// Starts tether's server for a bench, asks it, and kills it.
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'

/** The servers that run. */
const running = new Set()

const program = fileURLToPath(new URL('tether-server.mjs', import.meta.url))

/**
 * `watch` is told what the server generates: `began(id, prompt)`, then `ended(id, tokens, finish)`.
 *
 * -> `url`, `info`, `pid`; `ask(question, rest)` of tether-server.mjs; `kill()` ends it at once, as kill -9 does.
 */
export async function startTether(options, watch) {
  const child = fork(program, [JSON.stringify(options)], { serialization: 'advanced' })
  running.add(child)
  const waiting = new Map()
  let asked = 0
  const ready = new Promise((resolve, reject) => {
    child.on('message', (message) => {
      if (message.ready) resolve(message)
      else if (message.began !== undefined) watch?.began(message.began, message.prompt)
      else if (message.ended !== undefined) watch?.ended(message.ended, message.tokens, message.finish)
      else {
        const { give, fail } = waiting.get(message.id)
        waiting.delete(message.id)
        if (message.fault === undefined) give(message.answer)
        else fail(new Error(message.fault))
      }
    })
    child.on('exit', (code, signal) => {
      running.delete(child)
      const ended = new Error(`tether has ended with ${code ?? signal}; its message, if it gave one, is above`)
      reject(ended)
      for (const { fail } of waiting.values()) fail(ended)
    })
  })
  const gone = once(child, 'exit')
  const { ready: url, info } = await ready
  return {
    url,
    info,
    pid: child.pid,
    ask(question, rest = {}) {
      const id = asked++
      child.send({ question, id, ...rest })
      return new Promise((give, fail) => waiting.set(id, { give, fail }))
    },
    async kill() {
      child.kill('SIGKILL')
      await gone
    },
  }
}

/** Ends the servers that still run, which would keep this process alive. */
export function killAll() {
  for (const child of running) child.kill('SIGKILL')
}

/** Waits until what is kept has been written: nothing was for half a second. -> the last stats */
export async function written(tether) {
  let before
  for (;;) {
    const stats = await tether.ask('stats')
    if (before === stats.cache.written) return stats
    before = stats.cache.written
    await new Promise((resolve) => setTimeout(resolve, 500))
  }
}
