/**
 * Probes chat templates on a thread of its own. A hostile template takes ten seconds of it, in which this thread still hears
 * signals; when the process ends, the other thread ends with it.
 */
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { Worker } from 'node:worker_threads'
import type { ChatSource, TemplateVerdict } from '../chat/families.js'
import { type ErrorCode, TetherError } from '../errors.js'

/** What is probed: plain data. */
export type Probe = Pick<ChatSource, 'modelType'> & { template: NonNullable<ChatSource['template']> }
export type Probed = { verdict?: TemplateVerdict } | { fault: { code: ErrorCode; message: string } }

const entry = new URL('./probe-worker.js', import.meta.url)
/** A list of models has many templates, one after another. */
const IDLE_MS = 200

let worker: Worker | undefined
let last: Promise<unknown> = Promise.resolve()
let idle: NodeJS.Timeout | undefined

/** undefined: there is no other thread, or none is needed. Throws what chatFamily throws. */
export async function probeElsewhere({ modelType, template }: ChatSource): Promise<TemplateVerdict | undefined> {
  // Run from its sources, as by the tests, there is no compiled thread to start.
  if (!template || !existsSync(entry)) return undefined
  const probing = last.then(() => probe({ modelType, template }))
  last = probing.catch(() => {})
  const probed = await probing
  if ('verdict' in probed) return probed.verdict
  if ('fault' in probed) throw new TetherError(probed.fault.code, probed.fault.message)
  return undefined
}

async function probe(source: Probe): Promise<Probed> {
  clearTimeout(idle)
  // Without the flags of this process: one of `node -e` would keep it from starting.
  worker ??= new Worker(entry, { execArgv: [] })
  const current = worker
  current.ref()
  try {
    current.postMessage(source)
    const [probed] = (await once(current, 'message')) as [Probed]
    return probed
  } catch (error) {
    worker = undefined
    throw error
  } finally {
    current.unref()
    idle = setTimeout(() => {
      void current.terminate()
      if (worker === current) worker = undefined
    }, IDLE_MS)
    idle.unref()
  }
}
