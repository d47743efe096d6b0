/** The line of the whole program: find Claude Code, load a model, serve it, run Claude Code on it, clean up. */
import { randomBytes } from 'node:crypto'
import { homedir } from 'node:os'
import type { Call } from './args.js'
import type { Settings } from './config/knobs.js'
import { builtIn, type Config } from './config/settings.js'
import { findClaude } from './find-claude.js'
import { firstWord } from './first-word.js'
import { takeSettings } from './forwarded-settings.js'
import { offerClaude, sayHowToGetClaude } from './install-claude.js'
import { chooseModel } from './models/choose-model.js'
import { logToFile, logToStderr } from './open-log.js'
import { demoModel } from './package.js'
import { runClaude } from './run-claude.js'
import { isLoopback, type Serving, servingText } from './serve-only.js'
import { watchSignals } from './signals.js'
import { type Library, type Running, startServer } from './start-server.js'
import { canRedraw, isQuiet, say } from './terminal.js'

export interface RunContext {
  /** Waits with loading it until it is needed. */
  library: () => Promise<Library>
  /** npm start: without Claude Code it serves, and shows that the model speaks. */
  start: boolean
}

/** There is no program to run: what a shell says in that case. */
const notFound = 127

/** -> the exit status. Throws TetherError and Interrupted; nothing is left running or lying about. */
export async function run(call: Call, config: Config, { library, start }: RunContext): Promise<number> {
  const options = withModes(call, config)
  const quiet = isQuiet(options)
  const tell = quiet ? () => {} : say
  // Claude Code would leave at once where it has neither a terminal nor a question.
  const unattended = start && !process.stdin.isTTY && !process.stdout.isTTY && options.claudeArgs.length === 0
  const forwarded = takeSettings(options.claudeArgs)
  const claude = options.serveOnly ? undefined : await chooseClaude(options)
  if (!options.serveOnly && !claude && !start) {
    sayHowToGetClaude()
    return notFound
  }
  const { model, modelsDir, maxContext, memoryCap: memory } = options
  const found = await chooseModel({ model, modelsDir, demo: demoModel, demoIfNone: true, memory, maxContext })
  if (found.isDemo) {
    tell('this is the demo model: it can repeat a word and run simple tools when plainly asked, and no more')
    if (model === undefined) tell(`to use a real one, put its folder into ${modelsDir}, or name it with --model`)
  }

  const launching = claude !== undefined && !unattended
  const log = launching ? logToFile(options.logLevel) : logToStderr(options.logLevel)
  // Beyond this machine a key is a must; for Claude Code it costs nothing and keeps other local programs out.
  const key = launching || !isLoopback(options.host) ? randomBytes(24).toString('base64url') : undefined
  const bar = !quiet && canRedraw(process.stderr)
  try {
    const running = await startServer(await library(), { ...options, found, key, log: log.log, bar, say: tell })
    try {
      if (claude && key && launching) {
        const resumeCommand = `tether${options.model ? ` --model ${options.model}` : ''} -- --continue`
        return await runClaude({ claude, running, modelName: found.name, key, forwarded, resumeCommand, say: tell })
      }
      if (!options.serveOnly) await introduce({ running, key, found: claude !== undefined, tell })
      const { url } = running.server
      return await serveUntilStopped({ url, key, name: found.name, host: options.host, info: running.model.info })
    } finally {
      await running.close()
    }
  } finally {
    log.close()
  }
}

interface Options extends Settings {
  serveOnly: boolean
  claudeArgs: string[]
  /** Whether a port was asked for, so that another one would be a surprise. */
  portAsked: boolean
}

function withModes({ flags, claudeArgs }: Call, { settings, origins }: Config): Options {
  const serveOnly = Boolean(flags['serve-only'] || flags['no-claude'])
  return { ...settings, serveOnly, claudeArgs, portAsked: origins.port !== builtIn }
}

async function chooseClaude(options: Settings): Promise<string | undefined> {
  const places = { explicit: options.claudePath, path: process.env.PATH, home: homedir() }
  return findClaude(places) ?? ((await offerClaude()) ? findClaude(places) : undefined)
}

/** Asked to stop, it stopped: 0 for every signal. A fault that nobody caught rejects. */
async function serveUntilStopped(serving: Serving): Promise<number> {
  const signals = watchSignals()
  const fault = new Promise<never>((_, reject) => {
    process.once('uncaughtException', reject)
  })
  process.stdout.write(servingText(serving))
  await Promise.race([signals.came, fault])
  signals.end()
  return 0
}

async function introduce(about: { running: Running; key?: string; found: boolean; tell: (line: string) => void }) {
  const { running, key, found, tell } = about
  if (found) tell('there is no terminal for Claude Code, so this only serves')
  else sayHowToGetClaude()
  process.stdout.write(`${await firstWord(running.server.url, key)}\n\n`)
}
