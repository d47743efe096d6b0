/** What the command line may hold, and what it means. */
import { homedir } from 'node:os'
import { join, resolve } from 'node:path'
import { stripVTControlCharacters } from 'node:util'
import { describe, expect, test } from 'vitest'
import { type Call, readArgs, UsageError } from '../../src/cli/args.js'
import { type CommandName, command, commands, flagsOf } from '../../src/cli/command-table.js'
import { flagOf, type Layer, settingNames } from '../../src/cli/config/settings-table.js'
import { help } from '../../src/cli/help.js'
import { paint } from '../../src/cli/terminal/colour.js'

const nothing: Call = { command: 'run', words: [], settings: {}, flags: {}, claudeArgs: [] }

describe('readArgs', () => {
  test.each<[string[], Layer]>([
    [['--model', 'gemma'], { model: 'gemma' }],
    [['--model=gemma'], { model: 'gemma' }],
    [['--model', 'a=b'], { model: 'a=b' }],
    [['--model', 'a', '--model', 'b'], { model: 'b' }],
    [['--models-dir', '~/m'], { modelsDir: join(homedir(), 'm') }],
    [
      ['--adapter', 'a', '--adapter=~/b', '--port', '1', '--adapter', 'c,d'],
      { adapter: [resolve('a'), join(homedir(), 'b'), resolve('c'), resolve('d')].join(','), port: 1 },
    ],
    [['--adapter', 'a'], { adapter: resolve('a') }],
    [['--host', '0.0.0.0', '--port', '9000'], { host: '0.0.0.0', port: 9000 }],
    [['--port=0'], { port: 0 }],
    [['--claude-path', '~/bin/claude'], { claudePath: join(homedir(), 'bin', 'claude') }],
    [['--memory-cap', '18GB'], { memoryCap: 18e9 }],
    [['--memory-cap', '20 gib'], { memoryCap: 20 * 1024 ** 3 }],
    [['--memory-cap', '0'], { memoryCap: 0 }],
    [['--memory-cap', 'auto'], { memoryCap: undefined }],
    [['--disk-cache', '20GB'], { diskCache: 20e9 }],
    [['--disk-cache=0'], { diskCache: 0 }],
    [['--disk-cache', 'auto'], { diskCache: undefined }],
    [['--max-context', '32000'], { maxContext: 32000 }],
    [['--max-context', '0'], { maxContext: 0 }],
    [['--threads', '3'], { threads: 3 }],
    [['--prefill-chunk', '128'], { prefillChunk: 128 }],
    [['--kv-bits', '8'], { kvBits: 8 }],
    [['--kv-bits=0'], { kvBits: 0 }],
    [['--activation-bits', '8'], { activationBits: 8 }],
    [['--log-level', 'DEBUG'], { logLevel: 'debug' }],
    [['--log-level', 'warn'], { logLevel: 'warning' }],
    [
      ['--temperature', '0.7', '--top-p', '.9', '--top-k', '40', '--min-p', '0'],
      { temperature: 0.7, topP: 0.9, topK: 40, minP: 0 },
    ],
    [['--repetition-penalty', '1.1'], { repetitionPenalty: 1.1 }],
    [['--thinking', 'off', '--on-overflow=error'], { thinking: 'off', onOverflow: 'error' }],
    [['--prompt-order', 'stable-first'], { promptOrder: 'stable-first' }],
    [['--force'], { force: true }],
    [
      ['--api-key', 'secret', '--max-requests', '4', '--request-log', 'r.jsonl'],
      { apiKey: 'secret', maxRequests: 4, requestLog: resolve('r.jsonl') },
    ],
  ])('%j sets the setting', (argv, settings) => {
    expect(readArgs(argv)).toEqual({ kind: 'call', call: { ...nothing, settings } })
  })

  test.each<[string[], Partial<Call>]>([
    [[], {}],
    [['--serve-only'], { flags: { 'serve-only': true } }],
    [['--no-claude'], { flags: { 'no-claude': true } }],
    [['--list', '--json'], { flags: { list: true, json: true } }],
    [['ls'], { flags: { list: true } }],
    [['list', '--json'], { flags: { list: true, json: true } }],
    [['--'], {}],
    [['--', '--help'], { claudeArgs: ['--help'] }],
    [['--', '--version'], { claudeArgs: ['--version'] }],
    [['--', 'config'], { claudeArgs: ['config'] }],
    [['--', '-h', '--', '--model', ''], { claudeArgs: ['-h', '--', '--model', ''] }],
    [['--model', 'x', '--', '--modle'], { settings: { model: 'x' }, claudeArgs: ['--modle'] }],
    [['config', '--port', '1'], { command: 'config', settings: { port: 1 } }],
    [['config', '--json'], { command: 'config', flags: { json: true } }],
    [['pull', 'org/name', '--revision', 'v1'], { command: 'pull', words: ['org/name'], flags: { revision: 'v1' } }],
    [
      ['pull', '--models-dir', '/m', 'org/name'],
      { command: 'pull', words: ['org/name'], settings: { modelsDir: '/m' } },
    ],
    [['env', '--shell', 'Fish'], { command: 'env', flags: { shell: 'fish' } }],
    [['bench', 'gemma', '--runs', '5'], { command: 'bench', words: ['gemma'], flags: { runs: '5' } }],
    [['bench'], { command: 'bench' }],
    [['doctor'], { command: 'doctor' }],
    [['serve', '--detach'], { command: 'serve', flags: { detach: true } }],
    [['serve', '--keep-alive', '30m'], { command: 'serve', settings: { keepAlive: 1800 } }],
    [['stop', 'gemma'], { command: 'stop', words: ['gemma'] }],
    [['logs', '-f'], { command: 'logs', flags: { follow: true } }],
    [['--attach'], { flags: { attach: true } }],
    [['completion', 'fish'], { command: 'completion', words: ['fish'] }],
  ])('%j is read as a call', (argv, call) => {
    expect(readArgs(argv)).toEqual({ kind: 'call', call: { ...nothing, ...call } })
  })

  test.each<[string[], CommandName]>([
    [['-h'], 'run'],
    [['--model', '-h'], 'run'],
    [['pull', '-h'], 'pull'],
    [['bench', 'x', '-h'], 'bench'],
  ])('%j asks for the short help of %s', (argv, name) => {
    expect(readArgs(argv)).toEqual({ kind: 'help', command: name, short: true })
  })

  test.each<[string[], CommandName]>([
    [['--help'], 'run'],
    [['-h', '--help'], 'run'],
    [['--nonsense', '--help'], 'run'],
    [['help'], 'run'],
    [['help', '--port'], 'run'],
    [['help', 'pull'], 'pull'],
    [['pull', '--help'], 'pull'],
    [['bench', 'x', '--help'], 'bench'],
    [['help', 'completion'], 'completion'],
  ])('%j asks for the help of %s', (argv, name) => {
    expect(readArgs(argv)).toEqual({ kind: 'help', command: name })
  })

  test.each([
    [['help', 'list'], 'tether list is the same as\n  tether --list'],
    [['ls', '-h'], 'tether ls is the same as\n  tether --list'],
    [['help', 'run'], 'There is no command run. To run Claude Code on a model:\n  tether --model NAME'],
    [['chat', '--help'], 'There is no command chat. To run Claude Code on a model:\n  tether --model NAME'],
    [['help', 'download'], 'There is no command download. To download a model:\n  tether pull ORG/NAME'],
  ])('%j gets a line or two', (argv, text) => {
    expect(readArgs(argv)).toEqual({ kind: 'note', text })
  })

  test.each([[['--version']], [['-v']]])('%j asks for the version', (argv) => {
    expect(readArgs(argv)).toEqual({ kind: 'version' })
  })

  test.each([
    [['--modle', 'x'], 'unknown flag --modle. Did you mean --model?'],
    [['--servo-only'], 'Did you mean --serve-only?'],
    [['--serve'], 'Did you mean --serve-only?'],
    [['--attach', '--own'], '--attach does not go with --own'],
    [['--own', '--serve-only'], '--own does not go with --serve-only'],
    [['--keep-alive', 'soon'], '--keep-alive must be a time such as 45s, 30m or 2h, or forever, or auto, not soon'],
    [['serve', '--', '-c'], 'tether serve does not start Claude Code'],
    [['ps', 'x'], 'x is not expected after tether ps'],
    [['list', 'x'], 'x is not expected after tether --list'],
    [['--noclaude'], 'Did you mean --no-claude?'],
    [['--claude'], 'unknown flag --claude. '],
    [['--memoryCap', '1G'], 'Did you mean --memory-cap?'],
    [['--memory_cap', '1G'], 'Did you mean --memory-cap?'],
    [['--temprature', '1'], 'Did you mean --temperature?'],
    [['--no-model'], 'unknown flag --no-model. '],
    [['--resume'], "If it is one of Claude Code's, it goes after --:\n  tether -- --resume"],
    [['-m', 'small'], 'unknown flag -m. Did you mean --model?'],
    [['--config', 'x'], 'unknown flag --config. Settings are read from ~/.tether/config/config.toml.'],
    [['-V'], 'Did you mean -v?'],
    [['-p', 'hi'], ':\n  tether -- -p hi'],
    [['-p', 'say hi', '--model', 'x', '--force', '--', '-c'], ":\n  tether --model x --force -- -p 'say hi' -c"],
    [['--api-key', 'secret', '--print'], ':\n  tether -- --print'],
    [['--api-key=secret', '--print'], ':\n  tether -- --print'],
    [['--json'], '--json goes with --list:\n  tether --list --json'],
    [['cache', 'clean'], 'unknown action clean. Did you mean clear?'],
    [['fix', 'my', 'bug'], "unknown command fix. To send a prompt:\n  tether -- 'fix my bug'"],
    [['--model', 'x', 'fix', 'it'], "To send a prompt:\n  tether --model x -- 'fix it'"],
    [['--force', 'gemma'], ':\n  tether --force --model gemma\n  tether --force -- gemma'],
    [['download', 'a/b'], 'To download a model:\n  tether pull a/b'],
    [['chat', 'gemma'], 'tether --model gemma'],
    [['launch', 'gemma'], 'unknown agent gemma. Use one of: claude, codex, '],
    [['status'], 'tether ps'],
    [['kill'], 'tether stop'],
    [['log'], 'tether logs'],
    [['remove', 'x'], 'tether rm x'],
    [['search', 'gemma'], 'https://huggingface.co/mlx-community'],
    [['version'], 'tether --version'],
    [['gemma'], '--model gemma'],
    [['run', 'gemma'], 'unknown command run. To run Claude Code on a model:\n  tether --model gemma'],
    [['run'], 'To run Claude Code on a model:\n  tether --model NAME'],
    [['info', 'gemma'], 'tether show gemma'],
    [['rm'], 'tether rm needs MODEL..., as in\n  tether rm '],
    [['serev'], 'Did you mean tether serve?'],
    [['lst'], 'Did you mean tether '],
    [['fix my bug'], "unknown command 'fix my bug'. To send a prompt:\n  tether -- 'fix my bug'"],
    [['help', 'bnech'], 'unknown command bnech. Did you mean tether help bench?'],
    [['help', 'nonsense'], 'unknown command nonsense'],
    [['confg'], 'Did you mean tether config?'],
    [['completion', 'csh'], 'unknown shell csh. Use one of: bash, zsh, fish'],
    [['completion'], 'tether completion needs SHELL, as in\n  tether completion bash'],
    [['config', 'x'], 'x is not expected after tether config'],
    [['pull'], 'tether pull needs ORG/NAME, as in\n  tether pull '],
    [['pull', 'a/b', 'c/d'], 'c/d is not expected after tether pull'],
    [['pull', 'a/b', '--port', '1'], 'unknown flag --port of tether pull'],
    [['pull', 'a/b', '--', 'x'], 'tether pull does not start Claude Code'],
    [['env', '--shell', 'csh'], '--shell must be one of sh, bash'],
    [['--list', '--', '-p'], '--list does not start Claude Code'],
    [['--model'], '--model needs a value, as in --model MODEL'],
    [['--model', '--', '-p', 'x'], '--model needs a value'],
    [['--model', ''], '--model needs a value'],
    [['--model='], '--model needs a value'],
    [['--model', '--port', '1'], '--model needs a value'],
    [['--serve-only=yes'], '--serve-only takes no value'],
    [['--no-claude', '--', '--resume'], 'nothing can be passed to it: --resume'],
    [['--port', 'http'], '--port must be a whole number from 0 to 65535, not http'],
    [['--port', '65536'], 'not 65536'],
    [['--port', '1.5'], 'not 1.5'],
    [['--threads', '-1'], '--threads must be a whole number from 0 to 1024, not -1'],
    [['--kv-bits', '5'], '--kv-bits must be one of 0, 4, 8, 16, 32, not 5'],
    [['--temperature', '3'], '--temperature must be a number from 0 to 2, or auto, not 3'],
    [['--max-context', '64k'], 'not 64k'],
    [['--max-context', 'auto'], 'not auto'],
    [['--memory-cap', 'lots'], '--memory-cap must be a size such as 18GB'],
    [['--thinking', 'maybe'], '--thinking must be one of auto, on, off, not maybe'],
    [['--log-level', 'loud'], '--log-level must be one of critical, error, warning, info, debug, trace, not loud'],
  ])('%j is rejected', (argv, message) => {
    expect(() => readArgs(argv)).toThrow(UsageError)
    expect(() => readArgs(argv)).toThrow(message)
  })
})

describe('help', () => {
  test.each(Object.keys(commands) as CommandName[])(
    'of %s fits a terminal of 80 columns and names every flag',
    (name) => {
      const text = help(name, '1.2.3')
      expect(text.split('\n').filter((line) => line.length > 80)).toEqual([])
      for (const flag of flagsOf(name).keys()) expect(text).toContain(flag)
      for (const word of command(name).words) expect(text).toContain(word)
    },
  )

  test.each(Object.keys(commands) as CommandName[])('of %s is at most a screen of 24 lines with -h', (name) => {
    const lines = help(name, '1.2.3', { short: true }).split('\n')
    expect(lines.length).toBeLessThanOrEqual(24)
    expect(lines.filter((line) => line.length > 80)).toEqual([])
    expect(lines.join('\n')).toMatch(/Usage: tether[\s\S]*(--help|tether help \w+)\n$/)
  })

  test('of tether with -h names every command, the most used flags, and --help', () => {
    const text = help('run', '1.2.3', { short: true })
    for (const name of Object.keys(commands).filter((name) => name !== 'run'))
      expect(text).toMatch(new RegExp(`\n  ([\\w-]+, )*${name}[, ]`))
    const flags = [...flagsOf('run').keys()]
    const named = [...text.matchAll(/^ +(?:-\w, )?(--[\w-]+)/gm)].map(([, flag]) => flag)
    expect(named).toContain('--model')
    expect(named.filter((flag) => !flags.includes(flag as string))).toEqual([])
    expect(text).toContain('tether --help')
  })

  test('of tether names every setting and every command, and the default share of memory', () => {
    const text = help('run', '1.2.3')
    for (const name of settingNames) expect(text).toContain(flagOf(name))
    for (const name of Object.keys(commands).filter((name) => name !== 'run')) expect(text).toContain(`\n  ${name}`)
    expect(text).toContain("75% of the machine's")
  })

  test('has escape sequences only if asked to', () => {
    const sequence = '\u001b['
    expect(help('run', '1.2.3')).not.toContain(sequence)
    const coloured = help('run', '1.2.3', { paint })
    expect(coloured).toContain('\u001b[1mExamples:\u001b[22m')
    expect(coloured).toContain('\u001b[36m--model\u001b[39m MODEL ')
    expect(stripVTControlCharacters(coloured)).toBe(help('run', '1.2.3'))
  })
})
