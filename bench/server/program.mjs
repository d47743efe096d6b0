// Starts a program of this bench in a process of its own, and asks it.
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'

const running = new Set()

/** -> `ready`: its first message; `ask(question, about)`, one at a time; `end()` */
export async function startProgram(name, about = {}, execArgv = []) {
  const path = fileURLToPath(new URL(name, import.meta.url))
  const child = fork(path, [JSON.stringify(about)], { serialization: 'advanced', execArgv })
  running.add(child)
  const gone = once(child, 'exit').then(([code, signal]) => {
    running.delete(child)
    return new Error(`${name} has ended with ${code ?? signal}; its message, if it gave one, is above`)
  })
  const answer = async () => {
    const [message] = await Promise.race([once(child, 'message'), gone.then((error) => Promise.reject(error))])
    if (message.fault !== undefined) throw new Error(`${name}: ${message.fault}`)
    return message
  }
  const ready = await answer()
  return {
    ready,
    async ask(question, rest = {}) {
      child.send({ question, ...rest })
      return (await answer()).answer
    },
    async end() {
      child.disconnect()
      await gone
    },
  }
}

/** The other half: answers its parent's questions by these functions, and ends with it. */
export function answerParent(ready, answers) {
  process.on('message', async ({ question, ...rest }) => {
    try {
      process.send({ answer: await answers[question](rest) })
    } catch (error) {
      process.send({ fault: error.stack })
    }
  })
  process.on('disconnect', () => process.exit())
  process.send(ready)
}

/** Ends the programs that still run, which would keep this process alive. */
export function endAll() {
  for (const child of running) child.kill('SIGKILL')
}
