/** Which claude tether runs: none, one that cannot be run, one that is too old. */
import { execFileSync } from 'node:child_process'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { useTether } from '../../support/cli-fixture.js'
import { until } from '../../support/until.js'

const tether = useTether()

describe('without Claude Code', () => {
  test('says how to install it, before a model is loaded', async () => {
    const { code, stderr } = await tether.startOnDemo(['--', '-p', 'hi'], { FAKE_LOAD_MS: '60000' }).ended
    expect(code).toBe(127)
    expect(stderr).toContain(
      'tether: Claude Code is not installed. Install it:\n  npm install -g @anthropic-ai/claude-code@latest\n',
    )
    expect(stderr).toContain(`\n  tether --model ${tether.demo} --serve-only\n`)
  })

  test.each(['--attach', '--own'])('names a command that runs where %s was given', async (flag) => {
    const { stderr } = await tether.startOnDemo([flag]).ended
    expect(stderr).toContain(`\n  tether --model ${tether.demo} --serve-only\n`)
  })

  test('npm start serves instead, and prints a sample answer', async () => {
    const running = tether.startOnDemo(['--port', '0'], { FAKE_START: '1' })
    await until(() => running.stderr().includes('Ctrl-C'))
    expect(running.stdout()).toMatch(/^"Say pineapple\." -> "pineapple" \(3 tokens in [\d.]+ s\)\n$/)
    running.process.kill('SIGINT')
    expect((await running.ended).code).toBe(0)
  })

  test('npm start serves and prints a sample answer after a no, without asking or saying it again', async () => {
    const env = { FAKE_START: '1', FAKE_DECLINED: '1' }
    const terminal = tether.openUntilStatus(['--model', tether.demo, '--port', '0'], { env })
    await terminal.shows('Ctrl-C')
    expect(terminal.written()).toContain('"Say pineapple." -> "pineapple"')
    expect(terminal.written()).toContain('Variables for other terminals and programs:\r\n  tether env')
    expect(terminal.written()).not.toContain('installed')
  })

  describe('that can run', () => {
    /** A small ELF for a processor that no current machine has. */
    const foreign = Buffer.concat([
      Buffer.from([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1, 0]),
      Buffer.alloc(8),
      Buffer.from([2, 0, 0x50, 0]),
      Buffer.alloc(100, 'x\n'),
    ])
    test.each([
      ['a file that does not exist', undefined, 0, 'no such file'],
      ['a file that is not executable', '#!/bin/sh\n', 0o644, 'it is not executable (chmod +x)'],
      [
        'a script with a missing interpreter',
        '#!/does/not/exist\n',
        0o755,
        'the program named in its first line does not exist',
      ],
      [
        'a script that starts a missing program',
        '#!/bin/sh\nexec /does/not/exist "$@"\n',
        0o755,
        'a program that it starts does not exist',
      ],
      ['a binary of another machine', foreign, 0o755, 'it is built for another machine'],
    ])('%s exits with status 127 before the model is loaded', async (_, content, mode, why) => {
      const path = join(tether.place.home, 'my-claude')
      if (content !== undefined) writeFileSync(path, content, { mode })
      const { code, stderr } = await tether.startOnDemo(['--claude-path', path], { FAKE_LOAD_MS: '600000' }).ended
      expect(code).toBe(127)
      expect(stderr).toContain(`${path} cannot be run: `)
      expect(stderr).toContain(why)
      expect(stderr).toContain('--claude-path')
      await tether.expectNothingLeft()
    })

    test('a folder exits with status 127', async () => {
      const { code, stderr } = await tether.startOnDemo(['--claude-path', tether.place.home]).ended
      expect([code, stderr]).toEqual([127, expect.stringContaining('it is not a file')])
    })

    test('a claude on PATH that is not executable is named', async () => {
      const path = join(tether.place.home, 'first')
      mkdirSync(path)
      writeFileSync(join(path, 'claude'), '#!/bin/sh\n', { mode: 0o644 })
      const { code, stderr } = await tether.startOnDemo([], { PATH: path }).ended
      expect([code, stderr]).toEqual([127, expect.stringContaining(`${join(path, 'claude')} cannot be run`)])
    })
  })
})

describe('the offer to install Claude Code', () => {
  /** An npm that installs a claude of this version into a folder on PATH, and notes what it was asked for. */
  const open = (version: string) => {
    const bin = join(dirname(tether.place.home), 'bin')
    const claude = `#!/bin/sh\\n[ "$1" = --version ] && echo "${version} (Claude Code)" && exit 0\\nexit 9\\n`
    const npm = `#!/bin/sh\necho "$@" > "${tether.place.home}/asked"\nprintf '${claude}' > ${bin}/claude\n"${process.execPath}" -e "require('fs').chmodSync('${bin}/claude', 0o755)"\n`
    writeFileSync(join(bin, 'npm'), npm, { mode: 0o755 })
    return tether.openUntilStatus(['--model', 'demo'])
  }

  test('asks for the latest version, and says which was installed', async () => {
    const terminal = open('2.1.332')
    await terminal.shows("Claude Code isn't installed. Install it now with npm?")
    terminal.type('y')
    await terminal.shows('status 9')
    expect(readFileSync(join(tether.place.home, 'asked'), 'utf8')).toBe('install -g @anthropic-ai/claude-code@latest\n')
    expect(terminal.written()).toContain('tether: Claude Code 2.1.332 is installed\r\n')
    expect(terminal.written()).not.toContain('is older than')
  })

  test('warns of a version older than the measured one', async () => {
    const terminal = open('2.1.197')
    await terminal.shows('Install it now with npm?')
    terminal.type('y')
    await terminal.shows('status 9')
    expect(terminal.written()).toContain('Claude Code 2.1.197 is installed')
    expect(terminal.written()).toContain('Claude Code 2.1.197 is older than 2.1.330')
  })
})

test('a wrong --claude-path names the claude that is there without it', async () => {
  const { code, stderr } = await tether.startOnDemo(['--claude-path', '/no/such/claude'], {
    PATH: dirname(tether.place.claude),
  }).ended
  expect(code).toBe(127)
  expect(stderr).toContain('--claude-path /no/such/claude cannot be run: no such file\n')
  expect(stderr).toContain(`One is installed at ${tether.place.claude}. To use it, omit --claude-path.`)
  expect(stderr).not.toContain('npm install')
})

describe('the version of claude', () => {
  const saying = (text: string, more = '') => {
    const path = join(tether.place.home, 'my-claude')
    writeFileSync(path, `#!/bin/sh\n[ "$1" = --version ] || exit 41\n${more}\necho '${text}'\n`, { mode: 0o755 })
    return tether.startOnDemo(['--claude-path', path]).ended
  }

  test('that is too old gets a warning with the fix', async () => {
    const { code, stderr } = await saying('2.1.99 (Claude Code)')
    expect(code).toBe(41)
    expect(stderr).toContain('Claude Code 2.1.99 is older than 2.1.330')
    expect(stderr).toContain('\n  claude update\n')
  })

  test.each(['2.1.330 (Claude Code)', '2.10.0', '3.0.0', 'no idea', ''])(
    'that is printed as %j gets no warning',
    async (text) => {
      const { code, stderr } = await saying(text)
      expect(code).toBe(41)
      expect(stderr).not.toContain('is older than')
    },
  )

  test('may be impossible to find out', async () => {
    expect((await saying('', 'exit 3')).code).toBe(41)
  })

  test('is not waited for longer than a few seconds', async () => {
    const { code } = await saying('', `sleep 61.${process.pid}`)
    expect(code).toBe(41)
    expect(execFileSync('ps', ['-A', '-o', 'args='], { encoding: 'utf8' })).not.toContain(`sleep 61.${process.pid}`)
  })
})
