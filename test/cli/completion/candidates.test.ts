/** What completion offers for a command line, and how words are read and written for bash. */
import { describe, expect, test } from 'vitest'
import { candidates } from '../../../src/cli/completion/candidates.js'
import { joinBroken, quoteAs, unquote } from '../../../src/cli/completion/shell-words.js'

const offered = (words: string[]) => candidates(words).words.map(([word]) => word)

describe('candidates', () => {
  test.each<[string[], string[]]>([
    [[''], ['pull', 'config', 'env', 'doctor', 'bench', 'completion', 'help', 'list']],
    [
      ['help', ''],
      ['pull', 'doctor'],
    ],
    [['--'], ['--model', '--serve-only', '--memory-cap']],
    [
      ['pull', '-'],
      ['--revision', '--models-dir', '--help'],
    ],
    [
      ['env', '--shell', ''],
      ['sh', 'fish', 'powershell', 'json'],
    ],
    [
      ['--log-level', ''],
      ['critical', 'trace'],
    ],
    [
      ['--kv-bits', ''],
      ['0', '4', '8', '16', '32'],
    ],
    [['--thinking='], ['auto', 'on', 'off']],
    [
      ['completion', ''],
      ['bash', 'zsh', 'fish'],
    ],
    [['cache', ''], ['clear']],
    [
      ['bench', 'gemma', ''],
      ['--runs', '--tokens'],
    ],
  ])('%j offers what fits there', (words, some) => {
    expect(offered(words)).toEqual(expect.arrayContaining(some))
  })

  test.each([
    [['--', '']],
    [['--model', 'x', '--', '--']],
    [['--port', '']],
    [['--serve-only=']],
    [['--nonsense=']],
    [['pull', '']],
    [['help', 'pull', '']],
  ])('%j offers nothing', (words) => {
    expect(candidates(words)).toEqual(expect.objectContaining({ words: [] }))
    expect(candidates(words)).not.toHaveProperty('models')
    expect(candidates(words)).not.toHaveProperty('paths')
  })

  test.each<[string[], object]>([
    [['--model', ''], { models: true, paths: 'folders' }],
    [['cache', 'clear', ''], { models: true, paths: 'folders' }],
    [['config', '--model=g'], { models: true, before: '--model=' }],
    [['bench', ''], { models: true }],
    [['--models-dir', ''], { paths: 'folders' }],
    [['--claude-path', ''], { paths: 'files' }],
  ])('%j offers models or paths', (words, expected) => {
    expect(candidates(words)).toMatchObject(expected)
  })

  test('a flag that was given is not offered again, and another command has other flags', () => {
    expect(offered(['--serve-only', '--'])).not.toContain('--serve-only')
    expect(offered(['pull', '--'])).not.toContain('--serve-only')
  })
})

describe("bash's words", () => {
  test.each<[string, string, string]>([
    ['my\\ model', 'my model', ''],
    ["'it", 'it', "'"],
    ['"a \\"b', 'a "b', '"'],
    ["'a'\\''b'", "a'b", ''],
    ['$(touch x)', '$(touch x)', ''],
    ['日本', '日本', ''],
  ])('%s is read', (raw, text, open) => {
    expect(unquote(raw)).toEqual({ text, open })
  })

  test.each(['plain', 'a b', "it's", 'say "hi"', '$HOME `x` \\', '日本語モデル', '~a', 'org/name:x@y', 'a;b&c|d'])(
    '%s is written in each quote as it is read',
    (text) => {
      for (const open of ['', "'", '"'] as const) expect(unquote(quoteAs(open, text))).toEqual({ text, open: '' })
    },
  )

  test.each<[string[], string[], string]>([
    [['--model', '=', 'ge'], ['--model=ge'], '--model='],
    [['--model', '='], ['--model='], '--model='],
    [['--model', 'ge'], ['--model', 'ge'], ''],
    [['--model', 'a', ':', 'b'], ['--model', 'a:b'], 'a:'],
    [['--model', '=', 'x', ''], ['--model=x', ''], ''],
  ])('%j are joined', (words, joined, kept) => {
    expect(joinBroken(words)).toEqual({ words: joined, kept })
  })
})
