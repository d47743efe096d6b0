/** The environment and the settings that make Claude Code work with a local model, as data. */
import { tokensInWords } from '../../model/window.js'
import type { Env, Wiring } from '../agents/agent.js'
import { noProxy } from '../agents/no-proxy.js'
import { claudeWindow, maxOutputFor, toolOutputFor } from './claude-window.js'

export interface ClaudeSettings {
  env: Record<string, string>
  [key: string]: unknown
}

/** Variables that would send Claude Code to another server or account. They are removed from its environment. */
const foreignVariables = [
  'ANTHROPIC_API_KEY',
  'ANTHROPIC_IDENTITY_TOKEN',
  'ANTHROPIC_IDENTITY_TOKEN_FILE',
  'ANTHROPIC_PROFILE',
  'ANTHROPIC_SMALL_FAST_MODEL',
  'ANTHROPIC_UNIX_SOCKET',
  'CLAUDE_CODE_OAUTH_TOKEN',
  'CLAUDE_CODE_USE_ANTHROPIC_AWS',
  'CLAUDE_CODE_USE_ANTHROPIC_GOOGLE_CLOUD',
  'CLAUDE_CODE_USE_BEDROCK',
  'CLAUDE_CODE_USE_FOUNDRY',
  'CLAUDE_CODE_USE_GATEWAY',
  'CLAUDE_CODE_USE_MANTLE',
  'CLAUDE_CODE_USE_VERTEX',
]

/** Variables that depend on the window. An inherited value is removed even where tether sets none. */
const windowVariables = ['CLAUDE_CODE_AUTO_COMPACT_WINDOW', 'CLAUDE_CODE_DISABLE_1M_CONTEXT']

/**
 * `env` is the child's whole environment, `settings` goes into a file for --settings. Both say the same, because the
 * user's own ~/.claude/settings.json overrides the environment and only --settings overrides that. Variables
 * that route Claude Code are always tether's; for all others the user's value wins.
 */
export function claudeSettings(
  wiring: Wiring,
  inherited: Env,
): { env: Record<string, string>; settings: ClaudeSettings } {
  const { url, window, modelName } = wiring
  const ours = { ...defaults(window), ...present(pick(inherited, Object.keys(defaults(window)))), ...routing(wiring) }
  const proxies = noProxy(inherited, url)
  const cleared = new Set([...foreignVariables, ...windowVariables])
  const kept: Env = Object.fromEntries(Object.entries(inherited).filter(([name]) => !cleared.has(name)))
  const settings: ClaudeSettings = {
    env: { ...emptied(windowVariables), ...ours, ...proxies, ...emptied(foreignVariables) },
    // In auto mode the server judges risky calls, and a local model must not be the judge.
    disableAutoMode: 'disable',
    skipWebFetchPreflight: true,
    permissions: { deny: ['WebSearch'] },
    modelPicker: {
      options: [
        {
          model: claudeModelId(modelName),
          label: modelName,
          description: `${tokensInWords(window)} window, on this machine by tether`,
        },
      ],
      replaceBuiltInOptions: true,
    },
  }
  return { env: { ...defined(kept), ...ours, ...proxies }, settings }
}

/** Merges tether's settings with those that the user forwards. Theirs win, except where they route Claude Code. */
export function mergeForwarded(ours: ClaudeSettings, theirs: Record<string, unknown>, wiring: Wiring): ClaudeSettings {
  const { model: _model, modelPicker: _picker, apiKeyHelper: _helper, ...rest } = theirs
  const theirEnv = isRecord(rest.env) ? present(rest.env as Env) : {}
  const merged = merge(ours, rest)
  for (const name of windowVariables) delete theirEnv[name]
  const proxies = noProxy({ ...ours.env, ...theirEnv }, wiring.url)
  return { ...merged, env: { ...ours.env, ...theirEnv, ...routing(wiring), ...proxies, ...emptied(foreignVariables) } }
}

/** Arguments that give Claude Code few tools in a small window. Empty if the user chose tools. */
export function toolArgs(window: number, claudeArgs: string[], maxOutput = maxOutputFor(window)): string[] {
  const chosen = claudeArgs.some((arg) => /^--(tools|bare)(=|$)/.test(arg))
  const { verdict } = claudeWindow(window, maxOutput)
  return verdict === 'ok' || chosen ? [] : ['--tools', 'Bash,Read,Edit,Write']
}

/**
 * What Claude Code calls the model: its name. A name with a word of Anthropic's models in it, or with brackets, would
 * make Claude Code assume another window and other abilities.
 */
export function claudeModelId(modelName: string): string {
  return /claude|anthropic|opus|sonnet|haiku|fable|\[|\p{Cc}/iu.test(modelName) ? 'tether-local' : modelName
}

/** The server answers the second name with its small model, whatever that is called. */
function smallModelId(name: string): string {
  return claudeModelId(name) === name ? name : 'tether-small'
}

function routing({ url, token, window, modelName, smallModel, certificates }: Wiring): Record<string, string> {
  const modelId = claudeModelId(modelName)
  return {
    ANTHROPIC_BASE_URL: url,
    ANTHROPIC_AUTH_TOKEN: token,
    ...(certificates === undefined ? {} : { NODE_EXTRA_CA_CERTS: certificates }),
    ANTHROPIC_MODEL: modelId,
    ANTHROPIC_DEFAULT_MODEL: modelId,
    ANTHROPIC_DEFAULT_OPUS_MODEL: modelId,
    ANTHROPIC_DEFAULT_SONNET_MODEL: modelId,
    ANTHROPIC_DEFAULT_HAIKU_MODEL: smallModel === undefined ? modelId : smallModelId(smallModel),
    ANTHROPIC_DEFAULT_FABLE_MODEL: modelId,
    CLAUDE_CODE_SUBAGENT_MODEL: modelId,
    CLAUDE_CODE_MAX_CONTEXT_TOKENS: String(window),
    // Claude Code accepts 100000 to 1000000 here, and warns about anything else.
    ...(window >= 100_000 ? { CLAUDE_CODE_AUTO_COMPACT_WINDOW: String(Math.min(window, 1_000_000)) } : {}),
    ...(window <= 200_000 ? { CLAUDE_CODE_DISABLE_1M_CONTEXT: '1' } : {}),
  }
}

function defaults(window: number): Record<string, string> {
  return {
    // Claude Code's default of 32000 would halve the room before compaction.
    CLAUDE_CODE_MAX_OUTPUT_TOKENS: String(maxOutputFor(window)),
    // These two put changing text at the front of the prompt, so that no prefix could be reused.
    CLAUDE_CODE_ATTRIBUTION_HEADER: '0',
    CLAUDE_CODE_TOTAL_TOKENS_REMINDER: 'off',
    CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC: '1',
    CLAUDE_CODE_DISABLE_OFFICIAL_MARKETPLACE_AUTOINSTALL: '1',
    CLAUDE_CODE_DISABLE_TERMINAL_TITLE: '1',
    // A long prompt takes long on a small machine. These are the largest values that Claude Code accepts.
    API_TIMEOUT_MS: '3600000',
    CLAUDE_STREAM_IDLE_TIMEOUT_MS: '1800000',
    CLAUDE_CODE_MAX_CONCURRENT_SUBAGENTS: '4',
    ...toolOutput(window),
  }
}

/** The limit for Bash is in characters: a token of numbers and names has about three. */
function toolOutput(window: number): Record<string, string> {
  const most = toolOutputFor(window)
  if (most === undefined) return { CLAUDE_CODE_FILE_READ_MAX_OUTPUT_TOKENS: '12000' }
  return { CLAUDE_CODE_FILE_READ_MAX_OUTPUT_TOKENS: String(most), BASH_MAX_OUTPUT_LENGTH: String(3 * most) }
}

/** Theirs win; records are merged, lists are joined. */
function merge<T extends Record<string, unknown>>(ours: T, theirs: Record<string, unknown>): T {
  const result: Record<string, unknown> = { ...ours }
  for (const [key, value] of Object.entries(theirs)) {
    const mine = result[key]
    if (isRecord(mine) && isRecord(value)) result[key] = merge(mine, value)
    else if (Array.isArray(mine) && Array.isArray(value)) result[key] = [...new Set([...mine, ...value])]
    else result[key] = value
  }
  return result as T
}

/** Only an empty value unsets a variable of the user's own settings: Claude Code reads empty as unset. */
function emptied(names: string[]): Record<string, string> {
  return Object.fromEntries(names.map((name) => [name, '']))
}

function pick(env: Env, names: string[]): Env {
  return Object.fromEntries(names.map((name) => [name, env[name]]))
}

function defined(env: Env): Record<string, string> {
  return Object.fromEntries(Object.entries(env).filter((entry): entry is [string, string] => entry[1] !== undefined))
}

/** Without empty values, which Claude Code reads as unset. */
function present(env: Env): Record<string, string> {
  return Object.fromEntries(Object.entries(env).filter((entry): entry is [string, string] => Boolean(entry[1])))
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
