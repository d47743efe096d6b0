/** What `-h` and `--help` print: at most 80 columns; `-h` also at most the 24 lines of a small terminal. */
import { type AnyFlag, type CommandName, command, commands, flagsOf } from './command-table.js'
import type { Setting } from './config/setting.js'
import { sizeText } from './config/setting-value.js'
import { setting } from './config/settings-table.js'
import { type Paint, plain } from './terminal/colour.js'
import { wrap } from './terminal/wrap.js'

const groups: [title: string, section: Setting['section']][] = [
  ['Model', 'model'],
  ["Sampling (auto: as the model's own generation_config.json says)", 'sampling'],
  ['Server', 'server'],
  ['Launch', 'launch'],
]

/** All but tether itself. */
const others = (Object.keys(commands) as CommandName[]).filter((name) => name !== 'run')

/** The flags that `tether -h` shows, each in a line. */
const common: [flag: string, about: string][] = [
  ['--model MODEL', 'a folder or a name; none: choose from a list'],
  ['--list', 'list the models on this machine and exit'],
]

export interface HelpOptions {
  /** For -h: only what is needed most. */
  short?: boolean
  /** What stands for `tether` where the user types it. Default: tether itself. */
  start?: string
  /** Default: without colours. */
  paint?: Paint
}

export function help(name: CommandName, version: string, options: HelpOptions = {}): string {
  const { short = false, paint = plain, start = 'tether' } = options
  const page = new Page(paint, start)
  if (name === 'run') page.ofTether(version, short)
  else page.ofCommand(name, short)
  return `${page.lines.join('\n')}\n`
}

const column = 28

/** Collects lines. Headings are bold, commands and flags cyan, placeholders plain. */
class Page {
  readonly lines: string[] = []
  constructor(
    private readonly paint: Paint,
    private readonly start: string,
  ) {}

  ofTether(version: string, short: boolean): void {
    this.lines.push(`tether ${version}: ${command('run').summary}`, '')
    this.usage('tether', '[flags] [-- arguments of claude]')
    this.lines.push(`       ${this.paint('cyan', 'tether')} COMMAND [flags]`)
    this.instead()
    if (!short) {
      this.lines.push('', "Loads a model, serves Anthropic's Messages API on this machine, starts Claude")
      this.lines.push('Code on it. More terminals use the same server, which ends with the last one.')
      this.examples('run')
    }
    this.heading('Commands:')
    if (short) this.commandsInShort()
    else for (const other of others) this.row([other, ...command(other).words].join(' '), command(other).summary)
    if (!short) {
      this.row('help COMMAND', 'everything about one command')
      this.restOfTether()
      return
    }
    this.heading('Flags:')
    for (const [flag, about] of common) this.row(flag, about)
    const [one, all] = ['tether help COMMAND', 'tether --help'].map((line) => this.paint('cyan', line))
    this.lines.push('', `One command: ${one}. All flags and settings: ${all}`)
  }

  private commandsInShort(): void {
    const about = (name: CommandName) => command(name).brief ?? command(name).summary
    for (const name of others) {
      const same = others.filter((other) => about(other) === about(name))
      const head = same.length > 1 ? same.join(', ') : [name, ...command(name).words].join(' ')
      if (same[0] === name) this.row(head, about(name))
    }
  }

  private restOfTether(): void {
    this.flagsByGroup('run')
    this.paragraph(
      'Settings:',
      'Each flag above with a value is also a key of the same name in ~/.tether/config/config.toml and the NN-name.toml files beside it (--model is [model] default). Flags override the files, later files override earlier ones. `tether config` shows every setting and where it comes from. TETHER_MODELS_DIR sets [model] models_dir where no file does. No configuration is read from the working directory.',
    )
    this.paragraph(
      'Logs:',
      'With tether serve the log goes to stderr, otherwise to a file in ~/.tether/logs, since Claude Code has the screen; `tether logs` prints it. TETHER_DEBUG=1 also writes every request, prompt and answer to a file there.',
    )
    this.paragraph(
      'Colours:',
      'Only in a terminal, and not with NO_COLOR or TERM=dumb. FORCE_COLOR=1 turns them on everywhere, FORCE_COLOR=0 off.',
    )
    this.paragraph(
      'Exit status:',
      "Claude Code's own. 0 when --serve-only is stopped, 1 for a failure, 2 for a wrong command line, 127 if no claude can be run, 128 + n after signal n.",
    )
  }

  ofCommand(name: CommandName, short: boolean): void {
    const { summary, words, settings, of } = command(name)
    this.lines.push(...wrap(`tether ${name}: ${summary}`, 80), '')
    this.usage(`tether ${name}`, [...words, '[flags]'].join(' '))
    if (of) this.lines.push(`       ${words[0]?.replace(/[[\]]/g, '')}: ${of.join(', ')}`)
    this.instead()
    this.examples(name)
    if (!short) {
      this.flagsByGroup(name)
      return
    }
    this.heading('Flags:')
    for (const [flag, about] of flagsOf(name)) if (!about.setting) this.flag(flag, about)
    const [first] = [...flagsOf(name)].filter(([, { setting: key }]) => key)
    const more = settings.length > 0 ? `All flags, such as ${first?.[0]}: ` : 'The same, with tether itself: '
    this.lines.push('', more + this.paint('cyan', settings.length > 0 ? `tether help ${name}` : 'tether --help'))
  }

  private heading(text: string): void {
    this.lines.push('', this.paint('bold', text))
  }

  private usage(program: string, words: string): void {
    this.lines.push(`${this.paint('bold', 'Usage:')} ${this.paint('cyan', program)} ${words}`)
  }

  private instead(): void {
    if (this.start !== 'tether') this.lines.push(`Here type instead of tether: ${this.paint('cyan', this.start)}`)
  }

  private examples(name: CommandName): void {
    this.heading('Examples:')
    for (const [line, meaning] of command(name).examples) {
      this.lines.push(`  ${this.paint('cyan', line)}`, `      ${meaning}`)
    }
  }

  private paragraph(title: string, text: string): void {
    this.heading(title)
    this.lines.push(...wrap(text, 78).map((line) => `  ${line}`))
  }

  private flagsByGroup(name: CommandName): void {
    const flags = [...flagsOf(name)]
    for (const [title, section] of groups) {
      const here = flags.filter(([, flag]) => flag.setting && setting(flag.setting).section === section)
      if (here.length > 0) this.heading(`${title}:`)
      for (const [flag, about] of here) this.flag(flag, about)
    }
    this.heading('Other:')
    for (const [flag, about] of flags) if (!about.setting) this.flag(flag, about)
  }

  private flag(flag: string, { hint, help: about, alias, setting: name }: AnyFlag): void {
    const { default: value, kind } = name === undefined ? { default: undefined, kind: undefined } : setting(name)
    const fallback = kind === 'size' && typeof value === 'number' ? sizeText(value) : value
    const suffix = fallback === undefined || fallback === false || fallback === 0 ? '' : ` (${fallback})`
    this.row(`${alias ? `-${alias}, ` : ''}${flag}${hint ? ` ${hint}` : ''}`, about + suffix)
  }

  /** `head`: a command or flags, with placeholders in capitals. */
  private row(head: string, about: string): void {
    const [first = '', ...rest] = wrap(about, 80 - column)
    const indent = ' '.repeat(column)
    const fits = head.length + 2 < column
    const shown = `  ${head.replace(/(^|(?<=[ ,]))[a-z-][\w-]*/g, (word) => this.paint('cyan', word))}`
    const gap = ' '.repeat(Math.max(0, column - 2 - head.length))
    this.lines.push(...(fits ? [shown + gap + first] : [shown, indent + first]))
    this.lines.push(...rest.map((line) => indent + line))
  }
}
