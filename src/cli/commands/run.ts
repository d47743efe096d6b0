/** `tether`: finds Claude Code, loads a model, serves it, runs Claude Code on it, cleans up. */
import { homedir } from 'node:os'
import type { LoadModelOptions, Model, Server } from '../../index.js'
import { demoModel } from '../../models/demo-model.js'
import { descriptionFile } from '../../models/description-cache.js'
import { configNames } from '../../models/find-model.js'
import { reasonOf } from '../../one-line.js'
import { loadOptions, pickOptions, samplingOptions } from '../../options.js'
import { prefixFolder } from '../../prefixes/folder.js'
import type { Call } from '../args.js'
import { CannotRun, claudeVersion, versionWarning } from '../claude/claude-version.js'
import { findClaude } from '../claude/find-claude.js'
import { takeSettings } from '../claude/forwarded-settings.js'
import { installHint, offerClaude, sayHowToGetClaude } from '../claude/install-claude.js'
import { checkWindow, launchClaude } from '../claude/launch-claude.js'
import { resumeArgs } from '../claude/resume-args.js'
import { modelTableWarnings } from '../config/model-tables.js'
import { builtIn, type Config, lineThatSets } from '../config/read-config.js'
import type { Settings } from '../config/settings-table.js'
import { crashFile, tellOfCrashes } from '../log/crash-file.js'
import { type DebugLog, openDebugLog } from '../log/debug-log.js'
import { logFolder, openLog } from '../log/open-log.js'
import { chooseModel } from '../models/choose-model.js'
import { rememberModel } from '../models/last-model.js'
import { exampleModel } from '../models/no-model.js'
import { apiKeys } from '../serving/api-keys.js'
import { type Library, startModelServer } from '../serving/model-server.js'
import { readyLines, servingLines } from '../serving/ready-lines.js'
import { recordServer, runningServers, writeCertificates } from '../serving/running-servers.js'
import { sampleAnswer } from '../serving/sample-answer.js'
import { certifiedUrl, reloadOnHangup, type TlsFiles, tlsFiles, trusted } from '../serving/tls-files.js'
import { isQuiet, say } from '../terminal/say.js'
import { shortPath } from '../terminal/short-path.js'
import { endLine, type SignalWatch, watchSignals } from '../terminal/signals.js'
import { commandForModels, givenFlags, tetherCommand } from '../tether-command.js'

export interface RunContext {
  /** Loads the library once it is needed. */
  library: () => Promise<Library>
  /** For npm start: without Claude Code, serve and print a sample answer. */
  start: boolean
  /** Do not look for Claude Code: the user was asked already. */
  declined: boolean
}

/** The exit status of a shell for a program that it cannot find. */
const notFound = 127

/** -> the exit status. Throws TetherError and Interrupted; no process and no temporary file is left. */
export async function run(call: Call, config: Config, context: RunContext): Promise<number> {
  try {
    return await launchOrServe(call, config, context)
  } catch (error) {
    if (!(error instanceof CannotRun)) throw error
    say(`${error.message}\n${installHint(otherClaude(config.settings))}`)
    return notFound
  }
}

async function launchOrServe(call: Call, config: Config, { library, start, declined }: RunContext): Promise<number> {
  const options = withModes(call, config)
  const quiet = isQuiet(options)
  const tell = quiet ? () => {} : say
  // Claude Code would exit at once if it has neither a terminal nor a question.
  const unattended = start && !process.stdin.isTTY && !process.stdout.isTTY && options.claudeArgs.length === 0
  const forwarded = takeSettings(options.claudeArgs)
  const claude = declined ? undefined : await chooseClaude(options)
  if (!options.serveOnly && !claude && !start) {
    sayHowToGetClaude()
    return notFound
  }
  const version = claude === undefined ? undefined : claudeVersion(claude)
  // Handled later, when awaited.
  version?.catch(() => {})
  const { model, modelsDir, maxContext, memoryCap: memory } = options
  const places = { modelsDir, demo: demoModel, demoIfNone: start, takeOnly: start, cache: descriptionFile() }
  const found = await chooseModel({ ...places, model, namedIn: lineThatSets('model', config), memory, maxContext })
  const own = config.forModel(configNames(found)).settings
  for (const warning of modelTableWarnings(config, places, found)) tell(`warning: ${warning}`)
  if (found.isDemo) tellOfDemo(tell, model)

  const launching = claude !== undefined && !unattended
  const log = openLog(options, launching)
  const keys = await apiKeys(options, launching)
  const [key] = Object.values(keys)
  const tls = certified(options, launching)
  tellOfCrashes(say)
  const debug = debugLog(tell)
  // Watched from before the load until the end: a signal that comes between two watches would be lost.
  const signals = watchSignals(tls && !launching ? 'SIGHUP' : undefined)
  try {
    const running = await startModelServer(await library(), {
      ...options,
      load: { ...modelOptions(own), ...ofThisRun(found.name, { launching, debug }) },
      found,
      keys,
      tls,
      log: log.log,
      quiet,
      say: tell,
      check: launching && key && !options.force ? checkFor(key, found.name) : undefined,
      unless: version,
    })
    if (!found.isDemo) rememberModel(found.path)
    const { info } = running.model
    const url = tls && launching ? certifiedUrl(running.server.url, tls) : running.server.url
    tell(readyLines({ url, info, seconds: running.seconds }))
    const certificates = tls && certificateFile(tls)
    const served = { url, key, model: info.name, window: info.window, certificates }
    const forget = record(served)
    try {
      if (claude && key && launching) {
        const outdated = versionWarning(await version)
        if (outdated) tell(outdated)
        signals.end()
        const resumeCommand = commandToResume(options.claudeArgs, model === undefined ? found.name : undefined)
        const wiring = { running, url, certificates, key, modelName: info.name }
        return await launchClaude({ claude, ...wiring, log, forwarded, resumeCommand, say: tell })
      }
      if (!options.serveOnly) {
        if (claude) tell('there is no terminal for Claude Code, so tether only serves')
        else if (!declined) sayHowToGetClaude()
        process.stdout.write(`${await sampleAnswer(url, key)}\n`)
      }
      if (!forget) await printVariables(served)
      tell(servingLines({ host: options.host, url, envCommand: forget && envCommand(url) }))
      return await serveUntilStopped(signals, (closed) => tls && readAgain(running.server, tls, { say: tell, closed }))
    } finally {
      forget?.()
      await running.close()
    }
  } finally {
    signals.end()
    debug?.close()
    log.close()
  }
}

/** Without --model `picked` is named; what the configuration names is found again without it. */
function commandToResume(claudeArgs: string[], picked: string | undefined): string {
  const named = picked === undefined ? [] : ['--model', picked]
  return tetherCommand([...givenFlags(), ...named, '--', '--continue', ...resumeArgs(claudeArgs)])
}

function debugLog(tell: (line: string) => void): DebugLog | undefined {
  const debug = process.env.TETHER_DEBUG === '1' ? openDebugLog(logFolder()) : undefined
  if (debug) tell(`every request, prompt and answer is written to ${shortPath(debug.path)}`)
  return debug
}

function tellOfDemo(tell: (line: string) => void, asked: string | undefined): void {
  tell('this is the demo model: it only repeats words and runs simple tools, to show that everything works')
  if (asked === undefined) tell(`For a real model:\n  ${commandForModels(['pull', exampleModel])}`)
}

function checkFor(token: string, modelName: string): (model: Model) => void {
  return ({ info }) => checkWindow(info, { token, modelName })
}

/** What a model is loaded with. Settings that are unset come from the checkpoint. */
function modelOptions(settings: Settings): LoadModelOptions {
  const { thinking, promptOrder, loopGuard, lookup, constrain, diskCache } = settings
  return {
    ...pickOptions(loadOptions, settings),
    cacheDir: prefixFolder(),
    diskCache,
    thinking,
    promptOrder,
    loopGuard,
    lookup,
    constrain,
    sampling: pickOptions(samplingOptions, settings),
  }
}

/** A home that is not writable only disables `tether env`: undefined. */
function record(server: Parameters<typeof recordServer>[0]): (() => void) | undefined {
  try {
    return recordServer(server)
  } catch (error) {
    say(`other terminals will not find this server: ${reasonOf(error)}`)
    return undefined
  }
}

/** Says before the model is loaded what Claude Code would refuse: another port does not change what a certificate names. */
function certified(options: Settings, launching: boolean): TlsFiles | undefined {
  const tls = tlsFiles(options)
  if (tls && launching) certifiedUrl(`https://${options.host}:${options.port}`, tls)
  return tls
}

/** At SIGHUP, also for the programs that `tether env` tells of the server. */
function readAgain(server: Server, tls: TlsFiles, about: Omit<Parameters<typeof reloadOnHangup>[2], 'changed'>) {
  return reloadOnHangup(server, tls, { ...about, changed: () => certificateFile(tls) })
}

/** What of a load belongs to the run, not to the settings. */
function ofThisRun(model: string, { launching, debug }: { launching: boolean; debug?: DebugLog }): LoadModelOptions {
  const sessionFolder = launching ? process.cwd() : undefined
  return { sessionFolder, onDebug: debug?.onDebug, crash: crashFile(model) }
}

/** For clients of this machine; a home that is not writable leaves them the certificate alone. */
function certificateFile(tls: TlsFiles): string {
  try {
    return writeCertificates(trusted(tls, process.env.NODE_EXTRA_CA_CERTS))
  } catch {
    return tls.cert
  }
}

/** The command that prints the variables of this server's clients. */
function envCommand(url: string): string {
  return tetherCommand(['env', ...(runningServers().length > 1 ? ['--port', new URL(url).port] : [])])
}

/** What `tether env` would print, on stdout. */
async function printVariables(served: Parameters<typeof recordServer>[0]): Promise<void> {
  // Imported here: with its HTTP client it takes longer than a small model.
  const { chooseShell, exportLines, variablesOf } = await import('./env.js')
  process.stdout.write(exportLines(variablesOf(served, process.env), chooseShell(undefined, process.env)))
}

interface Options extends Settings {
  serveOnly: boolean
  claudeArgs: string[]
  /** Whether the user chose the port. Then no other is used. */
  portAsked: boolean
}

function withModes({ flags, claudeArgs }: Call, { settings, origins }: Config): Options {
  const serveOnly = Boolean(flags['serve-only'] || flags['no-claude'])
  // Who asks for a file wants to see the requests in it.
  const logLevel = settings.logFile !== undefined && origins.logLevel === builtIn ? 'info' : settings.logLevel
  return { ...settings, logLevel, serveOnly, claudeArgs, portAsked: origins.port !== builtIn }
}

async function chooseClaude(options: Options): Promise<string | undefined> {
  if (options.serveOnly) return undefined
  const places = { explicit: options.claudePath, path: process.env.PATH, home: homedir() }
  return findClaude(places) ?? (await offerClaude(() => findClaude(places)))
}

/** The claude that is used without --claude-path, if there is one that runs. */
function otherClaude({ claudePath }: Settings): string | undefined {
  if (claudePath === undefined) return undefined
  try {
    return findClaude({ path: process.env.PATH, home: homedir() })
  } catch (error) {
    if (error instanceof CannotRun) return undefined
    throw error
  }
}

/** -> 0, after any signal to stop. `onHangup` may give SIGHUP another meaning. An uncaught exception rejects. */
async function serveUntilStopped(
  signals: SignalWatch,
  onHangup: (closed: () => void) => (() => void) | undefined,
): Promise<number> {
  const fault = new Promise<never>((_, reject) => {
    process.once('uncaughtException', reject)
  })
  let closed = () => {}
  const gone = new Promise<NodeJS.Signals>((resolve) => {
    closed = () => resolve('SIGHUP')
  })
  const end = onHangup(closed)
  endLine(await Promise.race([signals.came, gone, fault]))
  end?.()
  return 0
}
