/** A model and a server around it, started and stopped together. */
import type { LoadHow, LoadModelOptions, Model, ServeOptions, Server } from '../../index.js'
import { type Limits, limitOptions } from '../../limits.js'
import type { FoundModel } from '../../models/find-model.js'
import { weightsSize } from '../../models/models-dir.js'
import { oneLine } from '../../one-line.js'
import { pickOptions } from '../../options.js'
import type { LogLine } from '../../server/serve.js'
import type { Settings } from '../config/settings-table.js'
import { deferred } from '../deferred.js'
import type { Log } from '../log/log.js'
import type { Progress } from '../terminal/progress.js'
import { Interrupted, watchSignals } from '../terminal/signals.js'
import { inOneLine } from './load-error.js'
import { nameOfAdapter, servedName } from './more-models.js'
import { noticeLog } from './notices.js'
import { logRequest } from './request-line.js'
import { openRequestLog, type RequestLogOptions } from './request-log.js'
import { serveOnPort } from './serve-on-port.js'
import { readTls, type TlsFiles } from './tls-files.js'
import { waitUntilReady } from './wait-until-ready.js'

/** What the command line uses of the library; tests put a fake here. */
export interface Library {
  loadModel(dir: string, options: LoadModelOptions): Promise<Model>
  serve(model: Promise<Model>, options: ServeOptions): Promise<Server>
}

export interface ModelServer {
  model: Model
  server: Server
  /** From the start of loading until the server answered that it is ready. */
  seconds: number
  /** Safe to call twice. */
  close(): Promise<void>
}

/** One that is loaded when a request names it. */
export interface OtherModel {
  found: FoundModel
  load: StartOptions['load']
}

export interface StartOptions
  extends Limits,
    Pick<
      Settings,
      | 'host'
      | 'port'
      | 'requestLog'
      | 'logMaxSize'
      | 'logFiles'
      | 'onOverflow'
      | 'insecureNoKey'
      | 'allowedHosts'
      | 'allowedOrigins'
    > {
  /** What the model is loaded with. */
  load: Omit<LoadModelOptions, 'onProgress' | 'name' | 'needsChat'>
  /** Take this port and no other. */
  portFixed: boolean
  found: FoundModel
  /** What else requests may name. */
  more?: { others: OtherModel[]; small?: string }
  /** By their names; empty: none is needed. */
  keys: Record<string, string>
  keysComing?: () => boolean
  tls?: TlsFiles
  log: Log
  say: (line: string) => void
  /** Called once it listens, before it loads: `bytes` of weights. -> what is told how far that is */
  onListening: (server: Server, bytes: number) => Progress
  /** Called when a request is over, once it is logged. */
  onRequest?: (line: LogLine) => void
  /** Cancels the start if it rejects meanwhile. */
  unless?: Promise<never>
}

/**
 * Listens before it loads: a taken port fails at once, and clients can ask for the progress of loading.
 * After a failure nothing listens. Throws TetherError, Interrupted, or what `unless` rejects with.
 */
export async function startModelServer(library: Library, options: StartOptions): Promise<ModelServer> {
  const { found, log, say } = options
  const requests = options.requestLog ? openRequestLog(options.requestLog, boundsOf(options)) : undefined
  const tls = options.tls && readTls(options.tls)
  const load = deferred<Model>()
  const tellNotices = noticeLog(log)
  let loaded: Model | undefined
  let fraction = 0
  const serve = (port: number) =>
    library.serve(load.promise, {
      host: options.host,
      port,
      apiKeys: options.keys,
      keysComing: options.keysComing,
      insecureNoKey: options.insecureNoKey,
      allowedHosts: listOf(options.allowedHosts),
      allowedOrigins: listOf(options.allowedOrigins),
      tls,
      ...pickOptions(limitOptions, options),
      onOverflow: options.onOverflow,
      progress: () => fraction,
      ...severalModels(library, options),
      onBody: requests?.asked,
      onLog: (line) => {
        logRequest(log, line)
        if (loaded) tellNotices(loaded)
        requests?.ended(line)
        options.onRequest?.(line)
      },
    })
  const server = await serveOnPort({ port: options.port, fixed: options.portFixed }, serve, say)

  const signals = watchSignals()
  const progress = options.onListening(server, weightsSize(found.path))
  const started = performance.now()
  const loading = library
    .loadModel(found.path, {
      ...options.load,
      name: servedName(found),
      needsChat: true,
      asksForRoom: options.more !== undefined,
      onProgress: (now) => {
        fraction = now
        progress.update(now)
      },
    })
    .catch(inOneLine)
  loading.then(load.resolve, load.reject)

  try {
    const interrupted = signals.came.then((signal) => Promise.reject(new Interrupted(signal)))
    const cancelled = Promise.race([interrupted, options.unless ?? interrupted])
    const model = await Promise.race([load.promise, cancelled])
    loaded = model
    await Promise.race([waitUntilReady(server.url), cancelled])
    progress.end()
    for (const warning of model.info.warnings) say(`warning: ${oneLine(warning)}`)
    const seconds = (performance.now() - started) / 1000
    return { model, server, seconds, close: once(() => closeBoth(server, model).finally(requests?.close)) }
  } catch (error) {
    progress.end()
    await server.close()
    // A load cannot be cancelled: the model is closed once it is loaded, if the process still runs.
    loading.then((model) => model.close()).catch(() => {})
    throw error
  } finally {
    signals.end()
  }
}

/** With the first one, which may have to go for another, and is loaded again like the others. */
function severalModels(
  library: Library,
  { found, load, more, log }: Pick<StartOptions, 'found' | 'load' | 'more' | 'log'>,
): Pick<ServeOptions, 'models' | 'smallModel'> {
  if (!more) return {}
  const models = [{ found, load }, ...more.others].map((one) => {
    const name = servedName(one.found)
    return {
      name,
      adapters: (one.load.adapters ?? []).map(nameOfAdapter),
      async load(how: LoadHow) {
        const model = await library.loadModel(one.found.path, { ...one.load, ...how, name, needsChat: true })
        for (const warning of model.info.warnings) log.warning(`${name}: ${oneLine(warning)}`)
        return model
      },
    }
  })
  return { models, smallModel: more.small }
}

function boundsOf({ logMaxSize: maxBytes, logFiles: older, log }: StartOptions): RequestLogOptions {
  return { maxBytes, older, onFault: log.warning }
}

function listOf(words: string | undefined): string[] {
  return words?.split(/[\s,]+/).filter(Boolean) ?? []
}

/** The server first, so that no request meets a closed model. */
async function closeBoth(server: Server, model: Model): Promise<void> {
  try {
    await server.close()
  } finally {
    await model.close()
  }
}

function once(close: () => Promise<void>): () => Promise<void> {
  let closing: Promise<void> | undefined
  return () => {
    closing ??= close()
    return closing
  }
}
