/** What `--help` prints: 80 columns, examples first. */
import { styleText } from 'node:util'
import { type AnyFlag, type CommandName, command, commands, flagsOf } from './command-table.js'
import { type Setting, setting } from './config/settings-table.js'
import { wrap } from './terminal/wrap.js'

const groups: [title: string, section: Setting['section']][] = [
  ['Model', 'model'],
  ['Sampling (auto: as the model’s own generation_config.json says)', 'sampling'],
  ['Server', 'server'],
  ['Launch', 'launch'],
]

/** `colour`: print headings in bold. */
export function help(name: CommandName, version: string, { colour = false } = {}): string {
  const heading = (text: string) => (colour ? styleText('bold', text, { validateStream: false }) : text)
  const lines = name === 'run' ? helpOfTether(version, heading) : helpOfCommand(name, heading)
  return `${lines.join('\n')}\n`
}

type Heading = (text: string) => string

function helpOfTether(version: string, heading: Heading): string[] {
  const others = Object.keys(commands).filter((name) => name !== 'run') as CommandName[]
  return [
    `tether ${version}: ${command('run').summary}`,
    '',
    `${heading('Usage:')} tether [flags] [-- arguments of claude]`,
    '       tether COMMAND [flags]',
    '',
    "Loads a model, serves Anthropic's Messages API on this machine, starts Claude",
    'Code on it, and stops everything when Claude Code exits.',
    '',
    heading('Examples:'),
    ...examplesOf('run'),
    '',
    heading('Commands:'),
    ...others.flatMap((other) => row([other, ...command(other).words].join(' '), command(other).summary)),
    ...row('help COMMAND', 'the flags of one command'),
    ...flagsByGroup('run', heading),
    '',
    heading('Settings:'),
    ...paragraph(
      'Each flag above with a value is also a key of the same name in ~/.tether/config/config.toml and the NN-name.toml files beside it (--model is [model] default). Flags override the files, later files override earlier ones. `tether config` shows every setting and where it comes from. TETHER_MODELS_DIR sets [model] models_dir where no file does. No configuration is read from the working directory.',
    ),
    '',
    heading('Logs:'),
    ...paragraph(
      'With --serve-only the log goes to stderr, otherwise to a file in ~/.tether/logs, since Claude Code has the screen. TETHER_DEBUG=1 also writes every request, prompt and answer to a file there. NO_COLOR is respected.',
    ),
    '',
    heading('Exit status:'),
    ...paragraph(
      "Claude Code's own; 0 when --serve-only is stopped; 1 for a failure; 2 for a wrong command line; 127 if there is no claude to run; 128 + n after signal n.",
    ),
  ]
}

function helpOfCommand(name: CommandName, heading: Heading): string[] {
  const { summary, words } = command(name)
  return [
    `tether ${name}: ${summary}`,
    '',
    `${heading('Usage:')} ${['tether', name, ...words, '[flags]'].join(' ')}`,
    '',
    heading('Examples:'),
    ...examplesOf(name),
    ...flagsByGroup(name, heading),
  ]
}

function examplesOf(name: CommandName): string[] {
  return command(name).examples.flatMap(([line, meaning]) => [`  ${line}`, `      ${meaning}`])
}

function flagsByGroup(name: CommandName, heading: Heading): string[] {
  const flags = [...flagsOf(name)]
  const own = flags.filter(([, flag]) => !flag.setting)
  const ofSettings = groups.flatMap(([title, section]) => {
    const here = flags.filter(([, flag]) => flag.setting && setting(flag.setting).section === section)
    return here.length > 0 ? ['', heading(`${title}:`), ...here.flatMap(([flag, about]) => flagRow(flag, about))] : []
  })
  return [...ofSettings, '', heading('Other:'), ...own.flatMap(([flag, about]) => flagRow(flag, about))]
}

function flagRow(flag: string, { hint, help: about, alias, setting: name }: AnyFlag): string[] {
  const fallback = name === undefined ? undefined : setting(name).default
  const suffix = fallback === undefined || fallback === false || fallback === 0 ? '' : ` (${fallback})`
  return row(`${alias ? `-${alias}, ` : ''}${flag}${hint ? ` ${hint}` : ''}`, about + suffix)
}

const column = 28

function row(head: string, about: string): string[] {
  const [first = '', ...rest] = wrap(about, 80 - column)
  const indent = ' '.repeat(column)
  const start = head.length + 2 < column ? [`  ${head}`.padEnd(column) + first] : [`  ${head}`, indent + first]
  return [...start, ...rest.map((line) => indent + line)]
}

function paragraph(text: string): string[] {
  return wrap(text, 78).map((line) => `  ${line}`)
}
