/** What `tether --help` prints: 80 columns, examples first. */
import { flags } from './args.js'

const examples: [command: string, meaning: string][] = [
  ['tether', 'the model in ~/.tether/models, with Claude Code'],
  ['tether --model ~/models/gemma-4-e2b-it-4bit', 'a folder with config.json and weights'],
  ['tether --model gemma-4-e2b-it-4bit', 'the same by name, from the models folder'],
  ['tether -- --resume', 'what follows -- goes to Claude Code'],
  ['tether -- -p "Say pineapple."', 'one answer on stdout'],
  ['tether --serve-only --port 8080', 'only the server, for other clients'],
  ['tether --memory-cap 18GB --max-context 32000', 'less memory, shorter window'],
]

export function help(version: string): string {
  return [
    `tether ${version}: Claude Code on a local MLX model`,
    '',
    'Usage: tether [flags] [-- arguments of claude]',
    '',
    "Loads a model, serves Anthropic's Messages API on this machine, starts Claude",
    'Code on it, and takes everything down again when Claude Code ends.',
    '',
    'Examples:',
    ...examples.flatMap(([command, meaning]) => [`  ${command}`, `      ${meaning}`]),
    '',
    'Flags:',
    ...Object.entries(flags).flatMap(([name, flag]) => ('description' in flag ? rows(name, flag) : [])),
    '',
    'The log goes to stderr with --serve-only, else to ~/.tether/logs/tether.log: the',
    "screen is Claude Code's then. TETHER_REQUEST_LOG=FILE notes every request.",
    '',
    "Exit status: Claude Code's own; 0 when --serve-only is stopped; 1 for a failure;",
    '2 for a wrong command line; 127 if there is no claude; 128 + n after signal n.',
    '',
  ].join('\n')
}

const column = 28

function rows(name: string, flag: { description: string; valueHint?: string; alias?: string }): string[] {
  const short = flag.alias ? `-${flag.alias}, ` : ''
  const head = `  ${short}--${name}${flag.valueHint ? ` ${flag.valueHint}` : ''}`
  const [first = '', ...rest] = wrap(flag.description, 80 - column)
  const indent = ' '.repeat(column)
  const start = head.length < column ? [head.padEnd(column) + first] : [head, indent + first]
  return [...start, ...rest.map((line) => indent + line)]
}

function wrap(text: string, width: number): string[] {
  const lines: string[] = []
  let line = ''
  for (const word of text.split(' ')) {
    if (line && line.length + 1 + word.length > width) {
      lines.push(line)
      line = word
    } else {
      line = line ? `${line} ${word}` : word
    }
  }
  return [...lines, line]
}
