/** Launches Claude Code on a server that is ready, with tether's settings merged with the user's. */
import { homedir } from 'node:os'
import { TetherError } from '../../errors.js'
import type { ModelInfo } from '../../index.js'
import { type Client, type OnServer, runOnServer } from '../agents/client.js'
import { statusLineProgram } from '../package.js'
import { claudeSettings, mergeForwarded, toolArgs } from './claude-settings.js'
import { versionWarning } from './claude-version.js'
import { claudeWindow } from './claude-window.js'
import type { Forwarded } from './forwarded-settings.js'
import { knownVersion } from './known-version.js'
import { continues } from './resume-args.js'
import { writeSettingsFile } from './settings-file.js'
import { hasStatusLine, statusLine } from './status-line.js'

export interface ClaudeStart {
  /** The program. */
  claude: string
  forwarded: Forwarded
  /** The command that continues this conversation later, with the model that no setting names. */
  commandToResume: (picked: string | undefined) => string
}

export function claudeClient(start: ClaudeStart): Client {
  const version = knownVersion(start.claude)
  const checked = version.then(versionWarning)
  // Handled later, when awaited.
  checked.catch(() => {})
  return {
    title: 'Claude Code',
    checked,
    checkWindow: (info, key) => checkWindow(info, { token: key, modelName: info.name }),
    run: (on) => launchClaude(start, on),
  }
}

/** Throws `bad_config` if the window is too small for Claude Code. */
function checkWindow(
  { window, windowLimit }: ModelInfo,
  { token, modelName }: { token: string; modelName: string },
): void {
  const { settings } = claudeSettings({ url: 'http://localhost', token, window, modelName }, process.env)
  const maxOutput = Number(settings.env.CLAUDE_CODE_MAX_OUTPUT_TOKENS)
  const { verdict, message } = claudeWindow(window, maxOutput, windowLimit)
  if (verdict === 'too-small') throw new TetherError('bad_config', message)
}

/** -> the exit status. Whether the window is large enough is for checkWindow. */
async function launchClaude({ claude, forwarded, commandToResume }: ClaudeStart, on: OnServer): Promise<number> {
  const { info, smallModel, url, certificates, key, picked, say } = on
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
  try {
    const args = ['--settings', file.path, ...tools, ...forwarded.args]
    const program = { program: claude, args, env, privateFolder: file.folder }
    return await runOnServer(program, on, (status, { outputTokens }) => {
      if (!isConversation(forwarded.args)) return
      const talked = outputTokens > 0 || continues(forwarded.args)
      if (talked) say(`To resume this conversation:\n  ${commandToResume(picked)}\n${ownHint}`)
      else if (status === refused) say(againHint)
    })
  } finally {
    file.remove()
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
