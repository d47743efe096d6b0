/** A process that is nothing but a server: a terminal started it, and it ends with the last one that uses it. */
import { Socket } from 'node:net'
import { openLog } from '../log/open-log.js'
import type { Library } from '../serving/model-server.js'
import { holdOutput } from '../terminal/hold-output.js'
import { isQuiet, say } from '../terminal/say.js'
import { watchSignals } from '../terminal/signals.js'
import { peerOn } from './json-lines.js'
import type { Ask, ServePlan, Tell, ToTerminal } from './messages.js'
import { type Serving, servePlan } from './serve-plan.js'
import { starterFd } from './spawn-server.js'
import { tellError } from './told-error.js'

/** -> the exit status. Never rejects: its errors are told to the terminals, which print them. */
export async function runServerProcess(library: () => Promise<Library>): Promise<number> {
  // Its readers leave before it does.
  for (const stream of [process.stdout, process.stderr]) stream.on('error', () => {})
  const starter: ToTerminal = peerOn<Ask, Tell>(new Socket({ fd: starterFd, readable: true, writable: true }))
  const plan = await planFrom(starter)
  if (plan === undefined) return 1
  process.argv = plan.argv
  try {
    return await serveForTerminals(library, plan, starter)
  } catch (error) {
    starter.send({ type: 'failed', error: tellError(error) })
    starter.end()
    await starter.closed
    return 1
  }
}

/** The first message. undefined: the terminal was ended before it sent one. */
function planFrom(starter: ToTerminal): Promise<ServePlan | undefined> {
  return new Promise((resolve) => {
    starter.onMessage((message) => {
      // The next ones are for the server.
      starter.onMessage(undefined)
      resolve(message.type === 'start' ? message.plan : undefined)
    })
    void starter.closed.then(() => resolve(undefined))
  })
}

async function serveForTerminals(library: () => Promise<Library>, plan: ServePlan, starter: ToTerminal) {
  const { settings } = plan
  const tell = isQuiet(settings) ? () => {} : say
  // The terminal says that nothing is logged.
  const log = openLog(settings, true, () => {})
  const signals = watchSignals(plan.tls ? 'SIGHUP' : undefined)
  let release: (() => void) | undefined
  try {
    const serving = await servePlan(await library(), plan, {
      ...{ log, say: tell, starter },
      showLoading: () => ({ update: () => {}, end: () => {} }),
    })
    // From here on nobody may be there to read it.
    release = holdOutput((text) => log.log.warning(text))
    return await serveUntilEnd(serving, signals.came, (error) => log.log.critical(error))
  } finally {
    release?.()
    signals.end()
    log.close()
  }
}

async function serveUntilEnd(
  serving: Serving,
  signal: Promise<NodeJS.Signals>,
  onFault: (error: unknown) => void,
): Promise<number> {
  const { host } = serving
  const fault = new Promise<never>((_, reject) => {
    process.once('uncaughtException', reject)
  })
  const endTls = serving.readTlsAgain(() => host.stop())
  void signal.then(() => host.stop())
  try {
    await Promise.race([host.done, fault])
    return 0
  } catch (error) {
    onFault(error)
    // The terminals start another one, at once: that one needs the port and the memory.
    return 1
  } finally {
    endTls?.()
    await serving.close()
  }
}
