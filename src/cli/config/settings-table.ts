/** The table of all settings, from which the flags, the keys of the files, --help and the template are made. */

import { limitOptions } from '../../limits.js'
import {
  adapterOption,
  constrainOption,
  diskCacheOption,
  draftOption,
  loadOptions,
  lookupOption,
  loopGuardOption,
  type Option,
  promptOrderOption,
  samplingOptions,
  thinkingOption,
} from '../../options.js'
import { logLevels } from '../log/log-levels.js'
import type { Setting } from './setting.js'

/** Options that [models."NAME"] may set for one model too. */
function ofOneModel<Section extends string, Options extends Record<string, Option>>(
  section: Section,
  options: Options,
) {
  const settings = Object.entries(options).map(([name, option]) => [name, { ...option, section, perModel: true }])
  return Object.fromEntries(settings) as {
    [Name in keyof Options]: Options[Name] & { section: Section; perModel: true }
  }
}

function ofServer<Options extends Record<string, Option>>(options: Options) {
  const settings = Object.entries(options).map(([name, option]) => [name, { ...option, section: 'server' }])
  return Object.fromEntries(settings) as { [Name in keyof Options]: Options[Name] & { section: 'server' } }
}

const settingsTable = {
  model: {
    section: 'model',
    key: 'default',
    flag: 'model',
    kind: 'text',
    hint: 'MODEL',
    help: 'a folder, a name in the models folder, or a repository ORG/NAME that is in the Hugging Face cache; none: choose from a list',
  },
  modelsDir: {
    section: 'model',
    key: 'models_dir',
    kind: 'path',
    default: '~/.tether/models',
    hint: 'DIR',
    help: 'where models are found by name, and where downloads go',
  },
  pull: {
    section: 'model',
    key: 'pull',
    kind: 'choice',
    of: ['ask', 'always', 'never'],
    default: 'ask',
    hint: 'WHEN',
    help: 'download a model ORG/NAME that is not here: ask first, in a terminal; always; or never',
  },
  ...ofOneModel('model', {
    ...loadOptions,
    maxContext: { ...loadOptions.maxContext, default: 65_536 },
    thinking: thinkingOption,
    constrain: constrainOption,
    promptOrder: promptOrderOption,
    loopGuard: loopGuardOption,
    lookup: lookupOption,
    draft: draftOption,
    adapter: adapterOption,
  }),
  diskCache: { ...diskCacheOption, section: 'model' },
  onOverflow: {
    section: 'model',
    key: 'on_overflow',
    kind: 'choice',
    of: ['auto', 'truncate', 'error'],
    default: 'auto',
    hint: 'HOW',
    help: 'for a prompt that is too long: error, or truncate to drop its oldest turns; auto: error for Claude Code, which then compacts, else truncate',
  },
  ...ofOneModel('sampling', samplingOptions),
  host: {
    section: 'server',
    key: 'host',
    kind: 'text',
    default: '127.0.0.1',
    hint: 'ADDRESS',
    help: 'address to listen on',
  },
  port: {
    section: 'server',
    key: 'port',
    kind: 'whole',
    default: 8080,
    least: 0,
    most: 65_535,
    hint: 'N',
    help: 'port to listen on, 0 for any; the next free one if it is in use; with --serve-only or a port that you set, it must be free',
  },
  apiKey: {
    section: 'server',
    key: 'api_key',
    kind: 'key',
    hint: 'KEY',
    help: 'key that clients must send; none: a new key for Claude Code and for other machines, else no key is needed',
  },
  apiKeyFile: {
    section: 'server',
    key: 'api_key_file',
    kind: 'path',
    hint: 'FILE',
    help: 'a private file with a key a line, each with a name before it or none; -: standard input',
  },
  insecureNoKey: {
    section: 'server',
    key: 'insecure_no_key',
    kind: 'switch',
    default: false,
    help: 'let other machines use the server without a key, where host is one of their addresses',
  },
  allowedHosts: {
    section: 'server',
    key: 'allowed_hosts',
    kind: 'text',
    hint: 'A,B',
    help: "names besides this machine's own that requests may be addressed to, such as mac.local",
  },
  allowedOrigins: {
    section: 'server',
    key: 'allowed_origins',
    kind: 'text',
    hint: 'A,B',
    help: "web pages that may send requests, by origins such as https://app.example; none: only the server's own",
  },
  models: {
    section: 'server',
    key: 'models',
    kind: 'text',
    list: true,
    hint: 'A,B',
    help: 'more models, as --model takes them, that requests may name: each is loaded when one does, within the same memory_cap',
  },
  smallModel: {
    section: 'server',
    key: 'small_model',
    kind: 'text',
    hint: 'MODEL',
    help: "a small model for Claude Code's background requests, loaded at the first of them; none: the model itself",
  },
  tlsCert: {
    section: 'server',
    key: 'tls_cert',
    kind: 'path',
    hint: 'FILE',
    help: 'the certificate of an https server (PEM), which Claude Code is told to trust; with --serve-only read again at SIGHUP',
  },
  tlsKey: {
    section: 'server',
    key: 'tls_key',
    kind: 'path',
    hint: 'FILE',
    help: 'the key of that certificate (PEM)',
  },
  keepAlive: {
    section: 'server',
    key: 'keep_alive',
    kind: 'duration',
    hint: 'TIME',
    help: 'how long the server stays when no terminal and no request uses it, such as 30m, or forever; auto: with Claude Code until its last terminal ends, else forever',
  },
  ...ofServer(limitOptions),
  requestLog: {
    section: 'server',
    key: 'request_log',
    kind: 'path',
    hint: 'FILE',
    help: 'a line of JSON about each request: sizes, counts and times, no texts',
  },
  claudePath: {
    section: 'launch',
    key: 'claude_path',
    kind: 'path',
    hint: 'FILE',
    help: 'which claude to run; none: the one on PATH, in ~/.local/bin or ~/.claude/local',
  },
  logLevel: {
    section: 'launch',
    key: 'log_level',
    kind: 'choice',
    of: logLevels,
    also: { warn: 'warning', silent: 'critical', fatal: 'critical' },
    default: 'warning',
    hint: 'LEVEL',
    help: logLevels.join(', '),
  },
  logFormat: {
    section: 'launch',
    key: 'log_format',
    kind: 'choice',
    of: ['text', 'json'],
    default: 'text',
    hint: 'FORM',
    help: 'lines of the log as text, or as JSON objects with all that is known of a request',
  },
  logFile: {
    section: 'launch',
    key: 'log_file',
    kind: 'path',
    hint: 'FILE',
    help: 'where the log goes, from level info on unless log_level is set; none: stderr with --serve-only, else a private file of this run',
  },
  logMaxSize: {
    section: 'launch',
    key: 'log_max_size',
    kind: 'size',
    default: 10 * 2 ** 20,
    least: 1000,
    most: Number.MAX_SAFE_INTEGER,
    hint: 'SIZE',
    help: 'size at which log_file and request_log are renamed to FILE.1 and begun again',
  },
  logFiles: {
    section: 'launch',
    key: 'log_files',
    kind: 'whole',
    default: 5,
    least: 0,
    most: 100,
    hint: 'N',
    help: 'older parts of log_file and of request_log that stay',
  },
  force: {
    section: 'launch',
    key: 'force',
    kind: 'switch',
    default: false,
    help: 'start Claude Code even where the window is too small for it',
  },
} as const satisfies Record<string, Setting>

export type SettingName = keyof typeof settingsTable

type ValueOf<K> = K extends { kind: 'size' | 'duration' | 'whole' | 'number' }
  ? number
  : K extends { kind: 'switch' }
    ? boolean
    : K extends { kind: 'choice'; of: readonly (infer Choice)[] }
      ? Choice
      : string

/** The values of all settings. Those without a default may be unset. Sizes in bytes, times in seconds, paths absolute or relative. */
export type Settings = {
  [Name in SettingName as (typeof settingsTable)[Name] extends { default: unknown } ? Name : never]: ValueOf<
    (typeof settingsTable)[Name]
  >
} & {
  [Name in SettingName as (typeof settingsTable)[Name] extends { default: unknown } ? never : Name]?: ValueOf<
    (typeof settingsTable)[Name]
  >
}

/** Values of some settings. `undefined` means that a setting was set to `auto` or to an empty text. */
export type Layer = Partial<Settings>

export const settingNames = Object.keys(settingsTable) as SettingName[]

export function setting(name: SettingName): Setting {
  return settingsTable[name]
}

/** The flag, with its dashes. */
export function flagOf(name: SettingName): string {
  const { flag, key } = setting(name)
  return `--${flag ?? key.replaceAll('_', '-')}`
}
