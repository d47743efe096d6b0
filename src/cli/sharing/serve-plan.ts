/** Makes a server from its plan, in this process: loads the model, records the server, and hears its terminals. */
import { resolve } from 'node:path'
import type { LoadModelOptions } from '../../index.js'
import { loadOptions, pickOptions, samplingOptions } from '../../options.js'
import { prefixFolder } from '../../prefixes/folder.js'
import { partsOf } from '../config/list-value.js'
import type { Settings } from '../config/settings-table.js'
import { deferred } from '../deferred.js'
import { crashFile } from '../log/crash-file.js'
import { type DebugLog, openDebugLog } from '../log/debug-log.js'
import { logFolder, type OpenLog } from '../log/open-log.js'
import { type Library, type ModelServer, type OtherModel, startModelServer } from '../serving/model-server.js'
import type { PlannedModel } from '../serving/more-models.js'
import { certifiedUrl, reloadOnHangup } from '../serving/tls-files.js'
import type { Progress } from '../terminal/progress.js'
import { shortPath } from '../terminal/short-path.js'
import { Cancelled } from '../terminal/signals.js'
import { Host } from './host.js'
import type { ServePlan, ToTerminal } from './messages.js'
import { certificateFile, openShare, type Share } from './share.js'

export interface ServeParts {
  log: OpenLog
  say: (line: string) => void
  /** Shows how far the load is. */
  showLoading: (bytes: number) => Progress
  /** The terminal that started this process for itself. */
  starter?: ToTerminal
}

export interface Serving {
  running: ModelServer
  host: Host
  /** By a name that its certificate has. */
  url: string
  certificates?: string
  /** Its key, for clients that have none of their own. Unset: none is needed. */
  key?: string
  /** Whether other terminals find it. */
  isRecorded: boolean
  /** At SIGHUP, also for the programs that `tether env` tells of the server. -> stops watching */
  readTlsAgain(closed: () => void): (() => void) | undefined
  /** Safe to call twice. */
  close(): Promise<void>
}

/** How long a terminal may take to notice that its server was started again. */
const noticeMs = 30_000

/** Throws TetherError, Interrupted, and Cancelled where it is to end before it is ready; then nothing is left. */
export async function servePlan(library: Library, plan: ServePlan, parts: ServeParts): Promise<Serving> {
  const { found, settings, more, keys, tls, portFixed } = plan
  const { log, say } = parts
  const debug = debugLog(say)
  const began = performance.now()
  let host: Host | undefined
  let share: Share | undefined
  let opening: Promise<void> | undefined
  const ended = deferred<never>()
  const end = () => {
    share?.close()
    debug?.close()
  }
  try {
    const running = await startModelServer(library, {
      ...settings,
      load: { ...modelOptions(settings), ...ofThisRun(plan, debug) },
      more: more && { small: more.small, others: more.others.map((one) => othersOf(one, plan, debug)) },
      ...{ found, keys, tls, log: log.log, portFixed, say },
      keysComing: () => plan.inPlace === true && performance.now() - began < noticeMs,
      onListening(server, bytes) {
        const made = new Host({ plan, server, log, bytes })
        host = made
        // Asked to stop, or left alone, while it loads.
        void made.done.then(() => ended.reject(new Cancelled()))
        opening = openShare(made, plan, say).then((opened) => {
          share = opened
          // Not before others can find it: the terminal holds the lock until it hears something.
          if (parts.starter) made.adopt(parts.starter)
        })
        const shown = parts.showLoading(bytes)
        return {
          update(fraction) {
            made.progress(fraction)
            shown.update(fraction)
          },
          end: shown.end,
        }
      },
      onRequest: (line) => host?.requestEnded(line),
      unless: ended.promise,
    })
    await opening
    if (!host || !share) throw new Error('the server did not listen')
    const { info } = running.model
    const url = tls && plan.launched ? certifiedUrl(running.server.url, tls) : running.server.url
    const certificates = tls && certificateFile(tls)
    const [key] = Object.values(keys)
    const isRecorded = share.record({
      ...{ url, key, model: info.name, window: info.window, certificates },
      small: plan.more?.small,
    })
    host.ready(running.model, { pid: process.pid, url, certificates, info, seconds: running.seconds })
    const close = () => {
      end()
      return running.close()
    }
    const readTlsAgain: Serving['readTlsAgain'] = (closed) =>
      tls && reloadOnHangup(running.server, tls, { say, closed, changed: () => void certificateFile(tls) })
    return { running, host, url, certificates, key, isRecorded, readTlsAgain, close }
  } catch (error) {
    await opening
    host?.failed(error)
    end()
    throw error
  }
}

function debugLog(say: (line: string) => void): DebugLog | undefined {
  const debug = process.env.TETHER_DEBUG === '1' ? openDebugLog(logFolder()) : undefined
  if (debug) say(`every request, prompt and answer is written to ${shortPath(debug.path)}`)
  return debug
}

/** What a model is loaded with. Settings that are unset come from the checkpoint. */
function modelOptions(settings: Settings): LoadModelOptions {
  const { thinking, promptOrder, loopGuard, lookup, draft, adapter, constrain, diskCache } = settings
  return {
    ...pickOptions(loadOptions, settings),
    cacheDir: prefixFolder(),
    diskCache,
    thinking,
    promptOrder,
    loopGuard,
    lookup,
    draft,
    adapters: adapter === undefined ? undefined : partsOf(adapter).map((folder) => resolve(folder)),
    constrain,
    sampling: pickOptions(samplingOptions, settings),
  }
}

/** What of a load belongs to the run, not to the settings. */
function ofThisRun({ found, sessionFolder }: ServePlan, debug: DebugLog | undefined): LoadModelOptions {
  return { sessionFolder, onDebug: debug?.onDebug, crash: crashFile(found.name) }
}

/** How one of several models is loaded. */
function othersOf({ found, settings }: PlannedModel, plan: ServePlan, debug: DebugLog | undefined): OtherModel {
  return { found, load: { ...modelOptions(settings), ...ofThisRun({ ...plan, found }, debug) } }
}
