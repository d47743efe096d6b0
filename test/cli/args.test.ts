/** What may stand on the command line, and what it means. */
import { homedir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { type Options, readArgs, UsageError } from '../../src/cli/args.js'
import { help } from '../../src/cli/help.js'

const defaults: Options = {
  model: undefined,
  modelsDir: undefined,
  host: '127.0.0.1',
  port: 8080,
  portAsked: false,
  serveOnly: false,
  claudePath: undefined,
  memoryCap: undefined,
  maxContext: 65_536,
  threads: 0,
  logLevel: undefined,
  claudeArgs: [],
}

describe('readArgs', () => {
  test.each<[string[], Partial<Options>]>([
    [[], {}],
    [['--model', 'gemma'], { model: 'gemma' }],
    [['--model=gemma'], { model: 'gemma' }],
    [['--model', 'a=b'], { model: 'a=b' }],
    [['--model', 'a', '--model', 'b'], { model: 'b' }],
    [['--models-dir', '~/m'], { modelsDir: join(homedir(), 'm') }],
    [['--host', '0.0.0.0', '--port', '9000'], { host: '0.0.0.0', port: 9000, portAsked: true }],
    [['--port', '8080'], { portAsked: true }],
    [['--port=0'], { port: 0, portAsked: true }],
    [['--serve-only'], { serveOnly: true }],
    [['--no-claude'], { serveOnly: true }],
    [['--claude-path', '~/bin/claude'], { claudePath: join(homedir(), 'bin', 'claude') }],
    [['--memory-cap', '18GB'], { memoryCap: 18e9 }],
    [['--memory-cap', '0'], { memoryCap: 0 }],
    [['--max-context', '32000'], { maxContext: 32000 }],
    [['--max-context', '0'], { maxContext: 0 }],
    [['--threads', '3'], { threads: 3 }],
    [['--log-level', 'DEBUG'], { logLevel: 'debug' }],
    [['--log-level', 'warning'], { logLevel: 'warn' }],
    [['--'], {}],
    [['--', '--help'], { claudeArgs: ['--help'] }],
    [['--', '-h', '--', '--model', ''], { claudeArgs: ['-h', '--', '--model', ''] }],
    [['--model', 'x', '--', '--modle'], { model: 'x', claudeArgs: ['--modle'] }],
  ])('%j', (argv, expected) => {
    expect(readArgs(argv)).toEqual({ kind: 'run', options: { ...defaults, ...expected } })
  })

  test.each([
    [['--help'], 'help'],
    [['-h'], 'help'],
    [['--model', '-h'], 'help'],
    [['--nonsense', '--help'], 'help'],
    [['--version'], 'version'],
    [['-v'], 'version'],
  ])('%j asks for %s', (argv, kind) => {
    expect(readArgs(argv)).toEqual({ kind })
  })

  test.each([
    [['--modle', 'x'], 'there is no flag --modle; did you mean --model?'],
    [['--servo-only'], 'did you mean --serve-only?'],
    [['--serve'], 'did you mean --serve-only?'],
    [['--noclaude'], 'did you mean --no-claude?'],
    [['--claude'], 'there is no flag --claude; '],
    [['--memoryCap', '1G'], 'did you mean --memory-cap?'],
    [['--memory_cap', '1G'], 'did you mean --memory-cap?'],
    [['--no-model'], 'there is no flag --no-model'],
    [['--resume'], 'flags of Claude Code go behind --, as in: tether -- --resume'],
    [['-p', 'hi'], 'tether -- -p'],
    [['gemma'], '--model gemma'],
    [['serve'], 'did you mean --serve-only?'],
    [['--model'], '--model needs a value, as in --model PATH_OR_NAME'],
    [['--model', '--', '-p', 'x'], '--model needs a value'],
    [['--model', ''], '--model needs a value'],
    [['--model='], '--model needs a value'],
    [['--model', '--port', '1'], '--model needs a value'],
    [['--serve-only=yes'], '--serve-only takes no value'],
    [['--no-claude', '--', '--resume'], 'nothing can be passed to it: --resume'],
    [['--port', 'http'], '--port must be a whole number from 0 to 65535, not http'],
    [['--port', '65536'], 'not 65536'],
    [['--port', '1.5'], 'not 1.5'],
    [['--threads', '-1'], '--threads needs a value'],
    [['--max-context', '64k'], 'not 64k'],
    [['--memory-cap', 'lots'], '--memory-cap must be a size such as 18GB'],
    [['--log-level', 'loud'], '--log-level must be one of silent, error, warn, info, debug, not loud'],
  ])('%j is refused', (argv, message) => {
    expect(() => readArgs(argv)).toThrow(UsageError)
    expect(() => readArgs(argv)).toThrow(message)
  })
})

describe('help', () => {
  test('fits a terminal of 80 columns and names every flag', () => {
    const text = help('1.2.3')
    expect(text.split('\n').filter((line) => line.length > 80)).toEqual([])
    for (const flag of [
      '--model',
      '--host',
      '--port',
      '--serve-only',
      '--no-claude',
      '--claude-path',
      '--models-dir',
    ]) {
      expect(text).toContain(flag)
    }
    for (const flag of ['--memory-cap', '--max-context', '--log-level', '--version', '--help']) {
      expect(text).toContain(flag)
    }
  })
})
