/** `tether serve`, and `tether --serve-only`: the server alone, in this terminal or in the background. */
import { demoModel } from '../../models/demo-model.js'
import { descriptionFile } from '../../models/description-cache.js'
import type { FoundModel } from '../../models/find-model.js'
import { oneLine } from '../../one-line.js'
import { sayHowToGetClaude } from '../claude/install-claude.js'
import { modelTableWarnings } from '../config/model-tables.js'
import { type Config, lineThatSets } from '../config/read-config.js'
import type { Settings } from '../config/settings-table.js'
import { tellOfCrashes } from '../log/crash-file.js'
import { openLog } from '../log/open-log.js'
import { chooseModel } from '../models/choose-model.js'
import { rememberModel } from '../models/last-model.js'
import { apiKeys } from '../serving/api-keys.js'
import type { Library } from '../serving/model-server.js'
import { type MoreModels, moreModels } from '../serving/more-models.js'
import { readyLines, servingLines } from '../serving/ready-lines.js'
import { knownServers, runningServers } from '../serving/running-servers.js'
import { sampleAnswer } from '../serving/sample-answer.js'
import { tlsFiles } from '../serving/tls-files.js'
import type { ServePlan, ServerFacts } from '../sharing/messages.js'
import { startServer } from '../sharing/obtain-server.js'
import { type Serving, servePlan } from '../sharing/serve-plan.js'
import { loadingBar } from '../terminal/loading-bar.js'
import { showProgress } from '../terminal/progress.js'
import { relay, say } from '../terminal/say.js'
import { exportLines } from '../terminal/shell-lines.js'
import { endLine, Interrupted, type SignalWatch, watchSignals } from '../terminal/signals.js'
import { tetherCommand } from '../tether-command.js'
import { type RunContext, type RunOptions, settingsFor } from './run-options.js'
import { tellOfDemo } from './tell-of-demo.js'

/** Why there is no Claude Code: it was not wanted, the user said no, it is missing, or it has no terminal. */
export type Why = 'asked' | 'declined' | 'missing' | 'no terminal'

export interface Serve {
  config: Config
  options: RunOptions
  why: Why
  context: RunContext
  quiet: boolean
}

/** -> the exit status. Throws TetherError and Interrupted. */
export async function serve({ config, options, why, context, quiet }: Serve): Promise<number> {
  const { model, modelsDir, maxContext, memoryCap: memory, portAsked } = options
  const { start, library } = context
  const places = { modelsDir, demo: demoModel, demoIfNone: start, takeOnly: start, cache: descriptionFile() }
  const found = await chooseModel({ ...places, model, namedIn: lineThatSets('model', config), memory, maxContext })
  const settings = settingsFor(found, options, config)
  if (!quiet) for (const warning of modelTableWarnings(config, places, found)) say(`warning: ${warning}`)
  if (found.isDemo && !quiet) tellOfDemo(say, model)
  const more = moreModels(found, settings, { config, places })
  const chosen = { found, settings, more, portAsked, why, quiet }
  return options.detach ? serveDetached(chosen) : serveHere(chosen, library)
}

interface Chosen {
  found: FoundModel
  /** Those of this model. */
  settings: Settings
  more: MoreModels | undefined
  portAsked: boolean
  why: Why
  quiet: boolean
}

/** -> the exit status, once the server has ended. Throws TetherError and Interrupted. */
async function serveHere(about: Chosen, library: () => Promise<Library>): Promise<number> {
  const { found, settings, why, quiet } = about
  const tell = quiet ? () => {} : say
  const log = openLog(settings, false)
  const plan = await planFor(about, { detached: false })
  tellOfCrashes(say)
  // Watched from before the load until the end: a signal that comes between two watches would be lost.
  const signals = watchSignals(plan.tls ? 'SIGHUP' : undefined)
  try {
    const serving = await servePlan(await library(), plan, {
      log,
      say: tell,
      showLoading: (bytes) =>
        showProgress({
          label: `Loading ${oneLine(found.name)}`,
          bytes,
          stream: quiet ? undefined : process.stderr,
          say: tell,
        }),
    })
    try {
      const { running, url, key } = serving
      const { info } = running.model
      if (!found.isDemo) rememberModel(found.path)
      tell(readyLines({ url, info, seconds: running.seconds, more: plan.more }))
      if (why !== 'asked') {
        if (why === 'no terminal') tell('there is no terminal for Claude Code, so tether only serves')
        else if (why === 'missing') sayHowToGetClaude()
        process.stdout.write(`${await sampleAnswer(url, key)}\n`)
      }
      if (!serving.isRecorded) await printVariables(serving)
      const shown = serving.isRecorded ? envCommand(url) : undefined
      tell(servingLines({ host: settings.host, url, envCommand: shown }))
      return await serveUntilStopped(signals, serving, tell)
    } finally {
      await serving.close()
    }
  } finally {
    signals.end()
    log.close()
  }
}

/** -> the exit status, once the server is ready. Throws TetherError and Interrupted. */
async function serveDetached(about: Chosen): Promise<number> {
  const { found, quiet } = about
  const tell = quiet ? () => {} : say
  const bar = loadingBar(quiet, tell)
  bar.name(found.name)
  const plan = await planFor(about, { detached: true })
  tellOfCrashes(say)
  const signals = watchSignals()
  try {
    const starting = startServer(plan, { onLoading: bar.update, onOutput: (text) => bar.interrupt(() => relay(text)) })
    const interrupted = signals.came.then((signal) => {
      // Who closes the terminal has asked for one that stays; who ends the command wants none.
      if (signal !== 'SIGHUP') starting.stop()
      return Promise.reject(new Interrupted(signal))
    })
    const { lease, peer } = await Promise.race([starting.obtained, interrupted])
    bar.end()
    const { facts } = lease
    if (!found.isDemo) rememberModel(found.path)
    const ready = readyLines({ ...facts, more: plan.more })
    tell(`${ready}\nIt runs in the background, as process ${facts.pid}. To stop it:\n  ${stopCommand(facts)}`)
    peer.end()
    return 0
  } finally {
    bar.end()
    signals.end()
  }
}

/** Where it could not be recorded, no tether finds it. */
function stopCommand({ pid, info }: ServerFacts): string {
  return knownServers().some((one) => one.pid === pid) ? tetherCommand(['stop', info.name]) : `kill ${pid}`
}

async function planFor(
  { found, settings, more, portAsked, why }: Chosen,
  { detached }: { detached: boolean },
): Promise<ServePlan> {
  const keys = await apiKeys(settings, false)
  const portFixed = portAsked || why === 'asked'
  const about = { portFixed, launched: false, detached, argv: process.argv }
  return { found, settings, more, keys, tls: tlsFiles(settings), ...about }
}

/** The command that prints the variables of this server's clients. */
function envCommand(url: string): string {
  return tetherCommand(['env', ...(runningServers().length > 1 ? ['--port', new URL(url).port] : [])])
}

/** What `tether env` would print, on stdout. */
async function printVariables({ url, key, certificates, running }: Serving): Promise<void> {
  const { name: model, window } = running.model.info
  // Imported here: with its HTTP client it takes longer than a small model.
  const { chooseShell, variablesOf } = await import('./env.js')
  const variables = variablesOf({ url, key, model, window, certificates }, process.env)
  process.stdout.write(exportLines(variables, chooseShell(undefined, process.env)))
}

/** -> 0, after any signal to stop, tether stop, or when it was idle for long. An uncaught exception rejects. */
async function serveUntilStopped(
  signals: SignalWatch,
  { host, readTlsAgain }: Serving,
  tell: (line: string) => void,
): Promise<number> {
  const fault = new Promise<never>((_, reject) => {
    process.once('uncaughtException', reject)
  })
  let closed = () => {}
  const gone = new Promise<NodeJS.Signals>((resolve) => {
    closed = () => resolve('SIGHUP')
  })
  const end = readTlsAgain(() => closed())
  const why = await Promise.race([signals.came, gone, host.done, fault])
  end?.()
  if (why === 'stopped') tell('stopped by tether stop')
  else if (why === 'unused') tell('its last terminal has left (keep_alive)')
  else if (why === 'idle') tell('nobody used it for as long as keep_alive says')
  else {
    host.stop()
    endLine(why)
  }
  return 0
}
