/** The table of commands: the words and flags that each takes, and what --help says about them. */
import { loadOptions, namesOf } from '../options.js'
import { agentNames, clientNames } from './agents/agent-names.js'
import type { Command, Flag } from './command.js'
import { flagOf, type SettingName, setting, settingNames } from './config/settings-table.js'

const help: Flag = { help: 'print help; -h prints a screen of it', alias: 'h' }
const version: Flag = { help: 'print the version', alias: 'v' }
const json: Flag = { help: 'print JSON' }

/** Those that `tether completion` has scripts for. */
export const shells = ['bash', 'zsh', 'fish'] as const
export type Shell = (typeof shells)[number]

/** What those scripts call as `tether __complete SHELL WORD…`; not for people, so no help names it. */
export const completionEntry = '__complete'

/** What the processes of servers begin with that terminals start; not for people either. */
export const serverEntry = '__serve'

const ofModel: SettingName[] = ['modelsDir', 'pull', ...namesOf(loadOptions)]

export const commands = {
  run: {
    summary: 'Claude Code on a local model',
    words: [],
    flags: {
      'serve-only': { help: 'only the server, no Claude Code (the same as --no-claude)' },
      'no-claude': { help: 'the same as --serve-only' },
      attach: { help: 'use the server that runs, whatever its model' },
      own: { help: 'start another server, whatever runs' },
      list: { help: 'list the models on this machine and exit' },
      json: { help: 'with --list: print JSON' },
      version,
      help,
    },
    settings: settingNames,
    examples: [
      ['tether', 'choose a model from a list, then run Claude Code on it'],
      ['tether --model gemma-4-e2b-it-4bit', 'a model by its name in ~/.tether/models'],
      ['tether --model ~/models/gemma-4-e2b-it-4bit', 'a folder with config.json and weights'],
      ['tether --model demo', 'the demo model, which comes with tether, to see that it works'],
      ['tether -- --resume', 'arguments after -- are passed to Claude Code'],
      ['tether --model NAME -- -p "Say pineapple."', 'one answer on stdout'],
      ['tether --serve-only --port 8080', 'only the server, for other clients'],
      ['tether --memory-cap 18GB --max-context 32000', 'less memory, a shorter window'],
    ],
  },
  serve: {
    summary: 'only the server, no Claude Code (the same as tether --serve-only)',
    brief: 'only the server, no Claude Code',
    words: [],
    flags: { detach: { help: 'leave it in the background once it is ready' }, help },
    settings: settingNames,
    examples: [
      ['tether serve', 'in this terminal, until Ctrl-C'],
      ['tether serve --model gemma-4-e2b-it-4bit --detach', 'in the background, until tether stop'],
      ['tether serve --detach --keep-alive 30m', 'until nobody has used it for half an hour'],
    ],
  },
  launch: {
    summary: 'an agent on a local model: Claude Code, Codex, opencode and others, with settings for this run only',
    brief: 'claude, codex, opencode, ... on a local model',
    words: ['AGENT'],
    of: agentNames,
    flags: {
      program: { hint: 'PATH', help: 'the program of the agent (the one on PATH; for claude: --claude-path)' },
      attach: { help: 'use the server that runs, whatever its model' },
      own: { help: 'start another server, whatever runs' },
      help,
    },
    settings: settingNames,
    examples: [
      ['tether launch codex', 'choose a model from a list, then run Codex on it'],
      ['tether launch opencode --model NAME', 'on this model'],
      ['tether launch codex -- exec "Say pineapple."', 'arguments after -- are passed to the agent'],
    ],
  },
  ps: {
    summary: 'show the servers that run: model, memory, terminals, tokens',
    brief: 'the servers that run: show, end, print a log',
    words: [],
    flags: { json, help },
    settings: [],
    examples: [['tether ps', 'a line for each server']],
  },
  stop: {
    summary: 'stop a server that runs',
    brief: 'the servers that run: show, end, print a log',
    words: ['[MODEL]'],
    flags: { all: { help: 'stop all of them' }, help },
    settings: [],
    examples: [
      ['tether stop', 'the one server that runs'],
      ['tether stop gemma-4-e2b-it-4bit', 'the one with this model'],
      ['tether stop --all', 'every server'],
    ],
  },
  logs: {
    summary: 'print the log of a server that runs',
    brief: 'the servers that run: show, end, print a log',
    words: ['[MODEL]'],
    flags: { follow: { help: 'print what comes, until Ctrl-C', alias: 'f' }, help },
    settings: [],
    examples: [['tether logs -f', 'what the server logs from now on, too']],
  },
  service: {
    summary: 'start tether serve with your session: a systemd user unit, or a launchd agent',
    brief: 'start a server with your session',
    words: ['ACTION'],
    of: ['install', 'uninstall', 'status'],
    flags: { 'dry-run': { help: 'with install: print the file, change nothing' }, help },
    settings: settingNames,
    examples: [
      ['tether service install --model gemma-4-e2b-it-4bit', 'with the flags of tether serve'],
      ['tether service status', 'whether it runs, with its model and address'],
      ['tether service uninstall', 'stop it, and remove the file'],
    ],
  },
  pull: {
    summary: 'download a model from Hugging Face',
    words: ['ORG/NAME'],
    flags: {
      revision: { hint: 'REV', help: 'a branch, tag or commit (main)' },
      'with-drafter': { help: 'also the assistant that drafts for it, without a question' },
      'no-drafter': { help: 'no assistant, without a question' },
      help,
    },
    settings: ['modelsDir'],
    examples: [
      ['tether pull mlx-community/gemma-4-e2b-it-4bit', 'download the files that the model needs'],
      ['HF_TOKEN=hf_... tether pull ORG/NAME', 'for a gated model'],
    ],
  },
  recommend: {
    summary: 'list published models that fit this machine, and how fast they should be',
    brief: 'models that fit here; what one is; delete one',
    words: [],
    flags: {
      memory: { hint: 'SIZE', help: "another machine's memory, such as 32GB (this machine's)" },
      all: { help: 'also those that do not fit' },
      json,
      help,
    },
    settings: ['modelsDir', 'memoryCap'],
    examples: [
      ['tether recommend', 'a table, the largest model first'],
      ['tether recommend --memory 64GB', 'for a machine with more memory'],
    ],
  },
  show: {
    summary: 'show what a model is, what memory it takes, and whether it runs here',
    brief: 'models that fit here; what one is; delete one',
    words: ['MODEL'],
    flags: { json, help },
    settings: ['modelsDir', 'memoryCap', 'maxContext'],
    examples: [
      ['tether show gemma-4-e2b-it-4bit', 'a line for each fact'],
      ['tether show ~/models/mine --json', 'the same as data, of a folder'],
    ],
  },
  rm: {
    summary: 'delete models, with what is kept of their prompts',
    brief: 'models that fit here; what one is; delete one',
    words: ['MODEL...'],
    flags: {
      yes: { help: 'do not ask', alias: 'y' },
      'dry-run': { help: 'say what would be deleted, and delete nothing' },
      help,
    },
    settings: ['modelsDir'],
    examples: [
      ['tether rm gemma-4-e2b-it-4bit', 'say how much that frees, and ask'],
      ['tether rm ORG/NAME@COMMIT', 'one of several revisions in the cache of the hub'],
    ],
  },
  config: {
    summary: 'show every setting, and which file or flag set it',
    brief: 'every setting; variables for the running server',
    words: [],
    flags: { json, help },
    settings: settingNames,
    examples: [
      ['tether config', 'the settings in effect'],
      ['tether config --port 9000', 'the settings in effect with this flag'],
    ],
  },
  env: {
    summary: 'print environment variables for using the running server from another terminal',
    brief: 'every setting; variables for the running server',
    words: [],
    flags: {
      for: {
        hint: 'NAME',
        help: 'what this agent needs, or any client of anthropic or openai (claude)',
        of: clientNames,
      },
      shell: {
        hint: 'SHELL',
        help: 'sh, fish, powershell or json (your shell)',
        of: ['sh', 'bash', 'zsh', 'fish', 'powershell', 'pwsh', 'json'],
      },
      port: { hint: 'N', help: 'the server on this port (the latest one)' },
      help,
    },
    settings: [],
    examples: [
      ['eval "$(tether env)"', 'then run claude in the same terminal'],
      ['eval "$(tether env --for codex)"', 'then run codex in the same terminal'],
      ['tether env --shell fish | source', 'the same in fish'],
      ['tether env --shell json', 'for an editor or a script'],
    ],
  },
  doctor: {
    summary: 'check everything that tether needs',
    brief: 'check what tether needs; measure a model',
    words: [],
    flags: { json, help },
    settings: settingNames,
    examples: [['tether doctor', 'a line for each check: ok, or what to do']],
  },
  bench: {
    summary: 'measure how fast a model is on this machine',
    brief: 'check what tether needs; measure a model',
    words: ['[MODEL]'],
    flags: {
      prompts: { hint: 'N,N', help: 'prompt lengths in tokens (512,2048,8192)' },
      tokens: { hint: 'N', help: 'tokens to write after each (64)' },
      runs: { hint: 'N', help: 'runs of each length; the median counts (3)' },
      json,
      help,
    },
    settings: [...ofModel],
    examples: [['tether bench gemma-4-e2b-it-4bit', 'a table and a plot']],
  },
  cache: {
    summary: 'show what is kept of earlier prompts on disk, or delete it',
    brief: 'show or clear what is kept of prompts on disk',
    words: ['[ACTION]', '[MODEL]'],
    of: ['clear'],
    flags: { json, help },
    settings: [],
    examples: [
      ['tether cache', 'how much is kept of each model'],
      ['tether cache clear', 'delete all of it'],
      ['tether cache clear gemma-4-e2b-it-4bit', 'delete what is kept of one model'],
    ],
  },
  completion: {
    summary: 'print a completion script for bash, zsh or fish',
    words: ['SHELL'],
    of: shells,
    flags: { help },
    settings: [],
    examples: [
      ['tether completion bash', 'print the script for bash (or zsh, or fish)'],
      [`echo 'eval "$(tether completion bash)"' >> ~/.bashrc`, 'install it for bash'],
      [`echo 'eval "$(tether completion zsh)"' >> ~/.zshrc`, 'install it for zsh'],
      ['tether completion fish > ~/.config/fish/completions/tether.fish', 'install it for fish'],
    ],
  },
} as const satisfies Record<string, Command>

export type CommandName = keyof typeof commands

export function command(name: CommandName): Command {
  return commands[name]
}

/** A flag of a command, with the setting that it changes, if it changes one. */
export type AnyFlag = Flag & { setting?: SettingName }

/** Every flag that a command takes, with its dashes. */
export function flagsOf(name: CommandName): Map<string, AnyFlag> {
  const { settings, flags } = command(name)
  const all = new Map<string, AnyFlag>()
  for (const each of settings) {
    const { hint, help: about, of } = setting(each)
    all.set(flagOf(each), { hint, help: about, of, setting: each })
  }
  for (const [flag, about] of Object.entries(flags)) all.set(`--${flag}`, about)
  return all
}
