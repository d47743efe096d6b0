/** Launches Claude Code on a server that is ready, with tether's settings merged with the user's. */
import { homedir } from 'node:os'
import { TetherError } from '../../errors.js'
import type { ModelInfo } from '../../index.js'
import { oneLine } from '../../one-line.js'
import type { OpenLog } from '../log/open-log.js'
import { statusLineProgram } from '../package.js'
import { holdOutput } from '../terminal/hold-output.js'
import { runClaudeProcess } from './claude-process.js'
import { claudeSettings, mergeForwarded, toolArgs } from './claude-settings.js'
import { claudeWindow } from './claude-window.js'
import type { Forwarded } from './forwarded-settings.js'
import { continues } from './resume-args.js'
import { writeSettingsFile } from './settings-file.js'
import { hasStatusLine, statusLine } from './status-line.js'

/** What of the server is known once Claude Code has ended. */
export interface ServerEnd {
  /** Tokens that were generated for this terminal. */
  outputTokens: number
  /** The log that has errors of this time in it. Unset: there were none. */
  log?: string
  /** What else a person has to know of. */
  notes: string[]
}

export interface ClaudeLaunch {
  /** The program. */
  claude: string
  info: ModelInfo
  /** The name of the model for background requests. */
  smallModel?: string
  /** The server's address, as its certificate has it, and the file of what is to be trusted for that. */
  url: string
  certificates?: string
  /** This process's own. */
  log: OpenLog
  key: string
  forwarded: Forwarded
  /** The command that continues this conversation later. */
  resumeCommand: string
  /** Called when Claude Code has ended. */
  leaveServer: () => Promise<ServerEnd>
  say: (line: string) => void
}

/** Throws `bad_config` if the window is too small for Claude Code. */
export function checkWindow(
  { window, windowLimit }: ModelInfo,
  { token, modelName }: { token: string; modelName: string },
): void {
  const { settings } = claudeSettings({ url: 'http://localhost', token, window, modelName }, process.env)
  const maxOutput = Number(settings.env.CLAUDE_CODE_MAX_OUTPUT_TOKENS)
  const { verdict, message } = claudeWindow(window, maxOutput, windowLimit)
  if (verdict === 'too-small') throw new TetherError('bad_config', message)
}

/** -> the exit status. Whether the window is large enough is for checkWindow. */
export async function launchClaude(about: ClaudeLaunch): Promise<number> {
  const { claude, info, smallModel, url, certificates, log, key, forwarded, resumeCommand, say } = about
  const { window, windowLimit, name: modelName } = info
  const wiring = { url, token: key, window, modelName, smallModel, certificates }
  const { env, settings } = claudeSettings(wiring, process.env)
  const maxOutput = Number(settings.env.CLAUDE_CODE_MAX_OUTPUT_TOKENS)
  const { message } = claudeWindow(window, maxOutput, windowLimit)
  if (message) say(message)
  const tools = toolArgs(window, forwarded.args, maxOutput)

  const places = { home: homedir(), configDir: process.env.CLAUDE_CONFIG_DIR, cwd: process.cwd() }
  const shows = !hasStatusLine(places, forwarded.theirs)
  const file = writeSettingsFile((path) => {
    const ours = shows ? { ...settings, ...statusLine(statusLineProgram, path) } : settings
    return forwarded.theirs ? mergeForwarded(ours, forwarded.theirs, wiring) : ours
  })
  const release = holdOutput((text) => log.log.warning(text))
  let end: ServerEnd = { outputTokens: 0, notes: [] }
  try {
    const args = ['--settings', file.path, ...tools, ...forwarded.args]
    const status = await runClaudeProcess({ program: claude, args, env, settingsFolder: file.folder })
    end = await about.leaveServer()
    release()
    if (isConversation(forwarded.args)) {
      const talked = end.outputTokens > 0 || continues(forwarded.args)
      if (talked) say(`To resume this conversation:\n  ${resumeCommand}\n${ownHint}`)
      else if (status === refused) say(againHint)
    }
    return status
  } catch (error) {
    log.log.critical(error)
    throw error
  } finally {
    release()
    file.remove()
    for (const note of end.notes) say(note)
    const logs = [log.errors() > 0 ? log.path : undefined, end.log].filter((path) => path !== undefined)
    if (logs.length > 0) say(`Errors were logged to ${logs.map(oneLine).join(' and ')}`)
  }
}

/** Claude Code prints a command of its own, which would run without tether. */
const ownHint = "Claude Code's own line, claude --resume, would use Anthropic's models."

/** Claude Code's status after "No, exit" to whether the folder is trusted. It then says to run claude again. */
const refused = 1
const againHint = "To start again, run tether: claude alone would use Anthropic's models."

/** A conversation in a terminal, rather than one answer for a script. */
function isConversation(claudeArgs: string[]): boolean {
  const terminal = process.stdin.isTTY === true && process.stdout.isTTY === true
  return terminal && !claudeArgs.some((arg) => arg === '-p' || arg === '--print')
}
