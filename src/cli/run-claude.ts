/** Runs Claude Code on a server that is ready: tells it where, and what of the user's it must not lose. */
import { claudeSettings, toolArgs, underTheirs } from './claude-settings.js'
import type { Forwarded } from './forwarded-settings.js'
import { launch } from './launch.js'
import { writeSettingsFile } from './settings-file.js'
import type { Running } from './start-server.js'

export interface ClaudeRun {
  /** The program. */
  claude: string
  running: Running
  modelName: string
  key: string
  forwarded: Forwarded
  /** What continues this conversation later. */
  resumeCommand: string
  say: (line: string) => void
}

/** -> the exit status. */
export async function runClaude(about: ClaudeRun): Promise<number> {
  const { claude, running, modelName, key, forwarded, resumeCommand, say } = about
  const { window } = running.model.info
  const wiring = { url: running.server.url, token: key, window, modelName }
  const { env, settings } = claudeSettings(wiring, process.env)
  const tools = toolArgs(window, forwarded.args)
  if (tools.length > 0) say(`a window of ${window} tokens is small: Claude Code gets ${tools[1]} only`)

  const file = writeSettingsFile(forwarded.theirs ? underTheirs(settings, forwarded.theirs, wiring) : settings)
  try {
    const args = ['--settings', file.path, ...tools, ...forwarded.args]
    const status = await launch({ program: claude, args, env, settingsFolder: file.folder })
    // What Claude Code itself says of resuming names a settings file that is about to go.
    const talked = isConversation(forwarded.args) && running.model.stats().outputTokens > 0
    if (talked) say(`to take this up again: ${resumeCommand}`)
    return status
  } finally {
    file.remove()
  }
}

/** Rather than one answer for a script. */
function isConversation(claudeArgs: string[]): boolean {
  const terminal = process.stdin.isTTY === true && process.stdout.isTTY === true
  return terminal && !claudeArgs.some((arg) => arg === '-p' || arg === '--print')
}
