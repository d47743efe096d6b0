/** How others find a server: its record and its socket in the run folder, which are made again where they are lost. */
import { existsSync } from 'node:fs'
import { reasonOf } from '../../one-line.js'
import { version } from '../package.js'
import { servedName } from '../serving/more-models.js'
import { forgetOldPlaces } from '../serving/run-folder.js'
import { recordPath, recordServer, type ServerRecord, writeCertificates } from '../serving/running-servers.js'
import { type TlsFiles, trusted } from '../serving/tls-files.js'
import { type ControlSocket, openControl } from './control-socket.js'
import type { Host } from './host.js'
import type { ServePlan } from './messages.js'
import { modelAt } from './same-server.js'

export interface Share {
  /** -> whether others find it now */
  record(server: Recorded): boolean
  close(): void
}

type Recorded = Pick<ServerRecord, 'url' | 'key' | 'model' | 'small' | 'window' | 'certificates'>

/** How often it looks whether somebody has deleted the run folder, or a full disk has room again. */
const lookMs = 5000

/** Recorded at once, so that one that starts meanwhile waits for this model. A home that is not writable costs only that. */
export async function openShare(host: Host, plan: ServePlan, say: (line: string) => void): Promise<Share> {
  let control: ControlSocket | undefined
  let forget: (() => void) | undefined
  let latest: Recorded
  let isClosed = false
  const first = modelAt(plan.found.path, plan.settings)
  const others = plan.more?.others.map(({ found, settings }) => ({
    name: servedName(found),
    ...modelAt(found.path, settings),
  }))
  const listen = async () => {
    control?.close()
    control = undefined
    control = await openControl((peer) => host.adopt(peer))
    if (isClosed) control.close()
  }
  const write = () => {
    const shared = control && { socket: control.path, ...first, others }
    forget = recordServer({ ...latest, version: version(), shared })
  }
  const record: Share['record'] = (server) => {
    latest = server
    try {
      write()
      return true
    } catch (error) {
      if (server.window === undefined) say(`other terminals will not find this server: ${reasonOf(error)}`)
      return false
    }
  }
  /** Throws the error of the file system. */
  const restore = async () => {
    // Where the file system has no sockets there is none to lose.
    const isWhole = existsSync(recordPath()) && (!control || existsSync(control.path))
    if (isWhole) return
    forget?.()
    await listen().catch(() => {})
    if (isClosed) return
    if (plan.tls) certificateFile(plan.tls)
    write()
  }
  forgetOldPlaces()
  // Otherwise writing the record fails too, which says why.
  await listen().catch(() => {})
  const [key] = Object.values(plan.keys)
  record({ url: host.options.server.url, key, model: plan.found.name })
  const timer = setInterval(() => void restore().catch(() => {}), lookMs).unref()
  const close = () => {
    isClosed = true
    clearInterval(timer)
    forget?.()
    control?.close()
  }
  return { record, close }
}

/** For clients of this machine; a home that is not writable leaves them the certificate alone. */
export function certificateFile(tls: TlsFiles): string {
  try {
    return writeCertificates(trusted(tls, process.env.NODE_EXTRA_CA_CERTS))
  } catch {
    return tls.cert
  }
}
