/** The scripts of `tether completion` in real shells, without bash-completion. A shell that is not installed is skipped. */
import { spawnSync } from 'node:child_process'
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { useTether } from '../../support/cli-fixture.js'

const tether = useTether()
const has = (shell: string) => spawnSync(shell, ['-c', 'true']).status === 0
const names = ['plain-model', 'my model', "it's", '日本語', 'org/name']

/** Runs a script in a shell that finds tether and some models. */
function inShell(shell: string, args: string[], script: string): string[] {
  const { home } = tether.place
  const bin = join(home, '.bin')
  mkdirSync(bin, { recursive: true })
  writeFileSync(
    join(bin, 'tether'),
    `#!/bin/sh\nexec "${process.execPath}" "${join(tether.compiled, 'test', 'support', 'cli-entry.js')}" "$@"\n`,
  )
  chmodSync(join(bin, 'tether'), 0o755)
  for (const name of names) {
    mkdirSync(join(home, '.tether', 'models', name), { recursive: true })
    writeFileSync(join(home, '.tether', 'models', name, 'config.json'), '{}')
  }
  const path = `${bin}${delimiter}${process.env.PATH}`
  const env = { HOME: home, PATH: path, LC_ALL: 'C.UTF-8', TERM: 'dumb' }
  const { stdout, stderr } = spawnSync(shell, [...args, script], { env, encoding: 'utf8', cwd: home, timeout: 100_000 })
  expect(stderr).toBe('')
  return stdout.split('\n').filter(Boolean)
}

function bash(words: string[]): string[] {
  const list = words.map((word) => `'${word.replaceAll("'", "'\\''")}'`).join(' ')
  const script = `eval "$(tether completion bash)"
COMP_WORDS=(tether ${list}); COMP_CWORD=${words.length}
_tether_complete tether "\${COMP_WORDS[COMP_CWORD]}" x 2>/dev/null
printf '%s\\n' "\${COMPREPLY[@]}"`
  return inShell('bash', ['--norc', '--noprofile', '-c'], script)
}

describe.skipIf(!has('bash'))('bash', () => {
  test.each<[string[], string[]]>([
    [['do'], ['doctor']],
    [['--mod'], ['--model', '--models', '--models-dir']],
    [
      ['--model', ''],
      ["it\\'s", 'my\\ model', 'org/name', 'plain-model', '日本語'],
    ],
    [['--model', 'my\\ '], ['my\\ model']],
    [['--model', "'my"], ["'my model'"]],
    [['--model', '"it'], ['"it\'s"']],
    [['--model', '=', '日'], ['日本語']],
    [['bench', 'or'], ['org/name']],
    [['--log-level', 'w'], ['warning']],
    [['--model', '$(touch evil)'], []],
    [['--', ''], []],
  ])('completes %j', (words, expected) => {
    expect(bash(words).sort()).toEqual([...expected].sort())
  })
})

describe.skipIf(!has('fish'))('fish (skipped where it is not installed)', () => {
  test.each<[string, string[]]>([
    ['tether doc', ['doctor']],
    ['tether --model my', ['my model']],
    ['tether bench ', names],
    ['tether -- ', []],
  ])('completes %s', (line, expected) => {
    const script = `tether completion fish | source; complete -C '${line}'`
    const found = inShell('fish', ['-c'], script).map((each) => each.split('\t')[0] as string)
    expect(found.sort()).toEqual([...expected].sort())
  })
})

describe.skipIf(!has('zsh'))('zsh (skipped where it is not installed)', () => {
  test('loads the script, which registers the function', () => {
    const script = 'eval "$(tether completion zsh)"; print -r -- $_comps[tether]'
    expect(inShell('zsh', ['-f', '-c'], script)).toEqual(['_tether'])
  })
})
