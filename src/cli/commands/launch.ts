/** `tether` with Claude Code or another agent: gets a server, its own or one that runs, and runs the agent on it. Loads no model itself. */
import { randomBytes } from 'node:crypto'
import { demoModel } from '../../models/demo-model.js'
import { descriptionFile } from '../../models/description-cache.js'
import { type FoundModel, findModel, type ModelPlaces } from '../../models/find-model.js'
import { oneLine } from '../../one-line.js'
import type { Client, ServerEnd } from '../agents/client.js'
import { modelTableWarnings } from '../config/model-tables.js'
import { type Config, lineThatSets } from '../config/read-config.js'
import { tellOfCrashes } from '../log/crash-file.js'
import { openLog } from '../log/open-log.js'
import { rememberModel } from '../models/last-model.js'
import { apiKeys } from '../serving/api-keys.js'
import { type MoreModels, moreModels } from '../serving/more-models.js'
import { attachedLines, readyLines } from '../serving/ready-lines.js'
import { certifiedUrl, tlsFiles } from '../serving/tls-files.js'
import { askWhich } from '../sharing/ask-which.js'
import { type KeptServer, keepServer } from '../sharing/keep-server.js'
import type { ServePlan, ServerFacts } from '../sharing/messages.js'
import { attachToAny, attachToSame, type Obtained, obtainServer, type Terminal } from '../sharing/obtain-server.js'
import { wantedServer } from '../sharing/same-server.js'
import { type LoadingBar, loadingBar } from '../terminal/loading-bar.js'
import { relay, say } from '../terminal/say.js'
import { Interrupted, watchSignals } from '../terminal/signals.js'
import { type RunOptions, settingsFor } from './run-options.js'
import { tellOfDemo } from './tell-of-demo.js'

export interface Launch {
  config: Config
  options: RunOptions
  client: Client
  /** For npm start. */
  start: boolean
  quiet: boolean
}

/** -> the exit status. Throws TetherError, Interrupted and CannotRun. */
export async function launch(about: Launch): Promise<number> {
  const { options, client, quiet } = about
  const tell = quiet ? () => {} : say
  // What was asked of the log is for the server's.
  const log = openLog({ ...options, logFile: undefined }, true)
  const signals = watchSignals()
  const bar = loadingBar(quiet, tell)
  const key = options.apiKey ?? randomBytes(24).toString('base64url')
  let toTerminal = true
  const terminal: Terminal = {
    key,
    say: tell,
    onLoading: bar.update,
    onOutput: (text) => (toTerminal ? bar.interrupt(() => relay(text)) : log.log.warning(text.trimEnd())),
  }
  try {
    const interrupted = signals.came.then((signal) => Promise.reject(new Interrupted(signal)))
    const unless = Promise.race([interrupted, client.checked.then(() => interrupted)])
    unless.catch(() => {})
    const { obtained, picked } = await Promise.race([serverFor(about, terminal, bar), unless])
    bar.end()
    const { facts } = obtained.lease
    const url = addressOf(facts)
    if (!options.force) client.checkWindow(facts.info, key)
    const ready = { ...facts, url, more: modelsOf(facts.plan) }
    tell(obtained.isNew ? readyLines(ready) : attachedLines(ready))
    const outdated = await client.checked
    if (outdated) tell(outdated)
    signals.end()
    toTerminal = false
    const server = keepServer(obtained, terminal, { log: log.log, client: client.title })
    const status = await client.run({
      ...{ info: facts.info, smallModel: facts.plan.more?.small, certificates: facts.certificates },
      ...{ url, key, log, picked, say: tell },
      leaveServer: () => leave(server),
    })
    await server.serverEnded()
    return status
  } finally {
    bar.end()
    signals.end()
    log.close()
  }
}

interface Served {
  obtained: Obtained
  /** The model that no setting names. */
  picked?: string
}

/** What runs already is found without looking into the model: only a server needs to know more than its name. */
async function serverFor(about: Launch, terminal: Terminal, bar: LoadingBar): Promise<Served> {
  const { options, config, start, quiet } = about
  const { model, modelsDir, maxContext, memoryCap: memory, choice } = options
  const port = options.portAsked && options.port !== 0 ? options.port : undefined
  if (choice === 'attach') return { obtained: await attachToAny(port, terminal) }
  const places = { modelsDir, demo: demoModel, demoIfNone: start, takeOnly: start, cache: descriptionFile() }
  const wantedOf = (found: FoundModel) => wantedServer(found.path, settingsFor(found, options, config))
  const named = model === undefined ? undefined : findQuietly(model, places)
  if (named && choice !== 'own') {
    const obtained = await attachToSame(wantedOf(named), port, terminal)
    if (obtained && !named.isDemo) rememberModel(named.path)
    if (obtained) return { obtained }
  }
  // It looks into models, which takes longer than everything else of a start.
  const { chooseModel } = await import('../models/choose-model.js')
  const found = await chooseModel({ ...places, model, namedIn: lineThatSets('model', config), memory, maxContext })
  if (!quiet) for (const warning of modelTableWarnings(config, places, found)) say(`warning: ${warning}`)
  if (found.isDemo && !quiet) tellOfDemo(say, model)
  bar.name(found.name)
  tellOfCrashes(say)
  const obtained = await obtainServer({
    ...{ port, terminal, ask: askWhich, own: choice === 'own', wanted: wantedOf(found) },
    plan: await planFor(about, found, places),
  })
  if (!found.isDemo) rememberModel(found.path)
  return { obtained, picked: model === undefined ? found.name : undefined }
}

/** undefined: what is wrong with it is said by who chooses a model. */
function findQuietly(model: string, places: Parameters<typeof findModel>[1]): FoundModel | undefined {
  try {
    return findModel(model, places)
  } catch {
    return undefined
  }
}

async function planFor({ config, options }: Launch, found: FoundModel, places: ModelPlaces): Promise<ServePlan> {
  const settings = settingsFor(found, options, config)
  const tls = tlsFiles(options)
  // Before the model is loaded: another port does not change what a certificate names.
  if (tls) certifiedUrl(`https://${options.host}:${options.port}`, tls)
  return {
    found,
    settings,
    more: moreModels(found, settings, { config, places }),
    keys: await apiKeys(options, true),
    tls,
    portFixed: options.portAsked,
    launched: true,
    detached: true,
    sessionFolder: process.cwd(),
    argv: process.argv,
  }
}

/** All models of the server, of which this terminal may use another than the first. */
function modelsOf({ found, settings, more }: ServePlan): MoreModels | undefined {
  return more && { ...more, others: [{ found, settings }, ...more.others] }
}

/** By a name that its certificate has. Throws `bad_config` where it has none that an agent could use. */
function addressOf({ url, plan }: ServerFacts): string {
  return plan.tls ? certifiedUrl(url, plan.tls) : url
}

async function leave(server: KeptServer): Promise<ServerEnd> {
  const left = await server.leave()
  const notes = [...server.notes(), ...(left?.faults ?? [])].map(oneLine)
  return { outputTokens: left?.outputTokens ?? 0, log: left && left.errors > 0 ? server.facts.log : undefined, notes }
}
