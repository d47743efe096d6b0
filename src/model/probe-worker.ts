/** The thread that probes chat templates, so that the one which asks for that hears signals meanwhile. */
import { parentPort } from 'node:worker_threads'
import { chatFamily } from '../chat/families.js'
import { toFault } from '../errors.js'
import type { Probe, Probed } from './probe-elsewhere.js'

parentPort?.on('message', (source: Probe) => parentPort?.postMessage(probed(source)))

function probed({ modelType, template }: Probe): Probed {
  try {
    return { verdict: chatFamily({ modelType, template, has: (token) => template.controls.includes(token) }).verdict }
  } catch (error) {
    const { code, message } = toFault(error)
    return { fault: { code, message } }
  }
}
