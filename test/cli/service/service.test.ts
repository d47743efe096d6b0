/** tether service: the files that it writes, and that what they run serves in a bare environment. */
import { execFileSync, spawn, spawnSync } from 'node:child_process'
import {
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { UsageError } from '../../../src/cli/args.js'
import { statusLines } from '../../../src/cli/commands/service.js'
import { type Asked, planService } from '../../../src/cli/service/plan-service.js'
import { label, unitPath, unitText } from '../../../src/cli/service/unit.js'
import { removePlace } from '../../support/remove-place.js'
import { until } from '../../support/until.js'

const root = join(import.meta.dirname, '..', '..', '..')
const asked: Asked = {
  ...{ node: '/opt/node 20/bin/node', program: '/opt/tether/bin/tether.mjs', flags: ['--model', 'gemma'] },
  ...{ hasModel: true, env: {}, home: '/home/me' },
}
const odd = { command: ['/a b/node', `100% "$HOME" \\n it's <&>`], env: { HOME: '/home/50%', MODELS: '$x "y" \\' } }

/** The words of a line of a unit, as systemd reads them. */
function systemdWords(line: string): string[] {
  const words = [...line.matchAll(/"((?:[^"\\]|\\.)*)"/g)].map(([, word = '']) => word)
  return words.map((word) => word.replace(/\\(.)/g, '$1').replaceAll('%%', '%'))
}

const lineOf = (unit: string, key: string) =>
  unit
    .split('\n')
    .filter((line) => line.startsWith(`${key}=`))
    .map((line) => line.slice(key.length + 1))

describe('the systemd unit', () => {
  test('has words that systemd reads back as they were', () => {
    const unit = unitText('systemd', odd)
    const [line = ''] = lineOf(unit, 'ExecStart')
    expect(systemdWords(line).map((word) => word.replaceAll('$$', '$'))).toEqual(odd.command)
    expect(lineOf(unit, 'Environment').flatMap(systemdWords)).toEqual(['HOME=/home/50%', 'MODELS=$x "y" \\'])
    expect(line.replaceAll('$$', '')).not.toContain('$')
    expect(line.replaceAll('%%', '')).not.toContain('%')
  })

  test('names the program as it is, since systemd looks for variables in its arguments alone', () => {
    const [line] = lineOf(unitText('systemd', { command: ['/a$b/node', 'a$b'], env: {} }), 'ExecStart')
    expect(line).toBe('"/a$b/node" "a$$b"')
  })

  test('starts it again after a failure alone, and not without end', () => {
    const unit = unitText('systemd', planService(asked))
    for (const line of ['Restart=on-failure', 'StartLimitBurst=5', 'WantedBy=default.target'])
      expect(unit).toContain(`\n${line}\n`)
  })

  test('is where systemd looks for it', () => {
    expect(unitPath('systemd', {}, '/home/me')).toBe('/home/me/.config/systemd/user/tether.service')
    expect(unitPath('systemd', { XDG_CONFIG_HOME: '/x' }, '/home/me')).toBe('/x/systemd/user/tether.service')
  })
})

describe('the launchd agent', () => {
  test('is a property list with the same words', () => {
    const script = 'import json, plistlib, sys; print(json.dumps(plistlib.loads(sys.stdin.buffer.read())))'
    const out = execFileSync('python3', ['-c', script], { input: unitText('launchd', odd), encoding: 'utf8' })
    expect(JSON.parse(out)).toMatchObject({
      ...{ Label: label, ProgramArguments: odd.command, EnvironmentVariables: odd.env },
      ...{ RunAtLoad: true, KeepAlive: { SuccessfulExit: false } },
    })
  })

  test('is where launchd looks for it', () => {
    expect(unitPath('launchd', {}, '/Users/me')).toBe('/Users/me/Library/LaunchAgents/tether.serve.plist')
  })
})

describe('what a service runs', () => {
  test.each<[string[], string[]]>([
    [
      ['--model', 'gemma', '--port', '9000'],
      ['--model', 'gemma', '--port', '9000'],
    ],
    [
      ['--model=gemma', '--force'],
      ['--model', 'gemma', '--force'],
    ],
    [
      ['--model', './gemma'],
      ['--model', join(process.cwd(), 'gemma')],
    ],
    [
      ['--model', 'demo/model'],
      ['--model', join(process.cwd(), 'demo/model')],
    ],
    [
      ['--models-dir', 'models'],
      ['--models-dir', join(process.cwd(), 'models')],
    ],
    [
      ['--adapter', 'a, /b', '--adapter', 'c'],
      ['--adapter', `${join(process.cwd(), 'a')},/b`, '--adapter', join(process.cwd(), 'c')],
    ],
    [
      ['--models', 'gemma,./b,demo/model', '--small-model', 'demo/model'],
      ['--models', `gemma,${join(process.cwd(), 'b')},${join(process.cwd(), 'demo/model')}`].concat(
        '--small-model',
        join(process.cwd(), 'demo/model'),
      ),
    ],
    [
      ['--draft', 'off', '--draft', 'gemma'],
      ['--draft', 'off', '--draft', 'gemma'],
    ],
    [['--api-key-file=keys'], ['--api-key-file', join(process.cwd(), 'keys')]],
  ])('of %j is %j', (flags, words) => {
    const log = ['--log-file', '/home/me/.tether/logs/service.log']
    expect(planService({ ...asked, flags }).command).toEqual([asked.node, asked.program, 'serve', ...words, ...log])
  })

  test('has the variables that say where models are, and no others', () => {
    const env = { PATH: '/bin', TETHER_MODELS_DIR: '/models', HF_TOKEN: 'hf_secret' }
    expect(planService({ ...asked, env }).env).toEqual({ HOME: '/home/me', TETHER_MODELS_DIR: '/models' })
  })

  test.each<[Partial<Asked>, string]>([
    [{ flags: ['--api-key'] }, 'use --api-key-file FILE'],
    [{ readsInput: true }, 'has no standard input'],
    [{ hasModel: false }, 'name it with --model'],
    [{ flags: ['--model', 'a\nb'] }, 'cannot have control characters'],
  ])('cannot be %j', (more, message) => {
    expect(() => planService({ ...asked, ...more })).toThrow(UsageError)
    expect(() => planService({ ...asked, ...more })).toThrow(message)
  })
})

test.each([
  [{ isThere: false }, ['no service is installed']],
  [{ isThere: true }, ['file: /u', 'it does not run, or cannot be asked here']],
  [{ isThere: true, pid: 7 }, ['file: /u', 'process 7, which does not serve yet']],
  [
    { isThere: true, pid: 7, server: { pid: 7, url: 'http://x', model: 'a\u001bb', started: '' } },
    ['file: /u', 'process: 7', expect.stringMatching(/^model: a[ -~]+b, which is loading$/), 'address: http://x'],
  ],
])('the status of %j', (state, lines) => {
  expect(statusLines({ path: '/u', ...state })).toEqual(lines)
})

describe('tether service', () => {
  beforeAll(() => {
    execFileSync(process.execPath, [join(root, 'scripts/build.mjs')], { stdio: 'pipe' })
  }, 180_000)

  /** systemctl and launchctl note what they are asked for. */
  function makeHome() {
    const home = mkdtempSync(join(tmpdir(), "tether service 'test' 50% "))
    onTestFinished(() => removePlace(home))
    mkdirSync(join(home, 'bin'))
    for (const name of ['systemctl', 'launchctl'])
      writeFileSync(join(home, 'bin', name), `#!/bin/sh\necho "$@" >> "$HOME/asked"\n`, { mode: 0o755 })
    const path = unitPath(process.platform === 'darwin' ? 'launchd' : 'systemd', {}, home)
    const tether = (words: string[], PATH = `${home}/bin:/usr/bin:/bin`) =>
      spawnSync(process.execPath, [join(root, 'bin', 'tether.mjs'), 'service', ...words], {
        env: { HOME: home, PATH },
        encoding: 'utf8',
      })
    return { home, path, tether, asked: () => readFileSync(join(home, 'asked'), 'utf8') }
  }

  test('installs no model that is not there, and says what cannot be written', () => {
    const { home, path, tether } = makeHome()
    const missing = tether(['install', '--model', 'gema'])
    expect([missing.status, missing.stderr]).toEqual([1, expect.stringContaining('no model named gema')])
    expect(existsSync(path)).toBe(false)
    const folder = join(home, process.platform === 'darwin' ? 'Library' : '.config')
    writeFileSync(folder, 'a file')
    const refused = tether(['install', '--model', 'demo'])
    expect([refused.status, refused.stderr]).toEqual([1, expect.stringContaining(`${path} cannot be written: `)])
    rmSync(folder)
    expect(tether(['install', '--model', 'org/later', '--pull', 'always']).status).toBe(0)
  })

  test('installs nothing that its flags keep from starting', () => {
    const { home, path, tether } = makeHome()
    writeFileSync(join(home, 'seen'), 'key\n', { mode: 0o644 })
    for (const [flags, message] of [
      [['--api-key-file', join(home, 'nofile')], 'nofile cannot be used: ENOENT'],
      [['--api-key-file', join(home, 'seen')], 'other users can read it'],
      [['--tls-cert', join(home, 'nofile')], '--tls-cert and --tls-key belong together'],
      [['--tls-cert', join(home, 'nofile'), '--tls-key', join(home, 'nofile')], 'nofile'],
      [['--models', 'gema'], 'no model named gema'],
      [['--small-model', 'gema'], 'no model named gema'],
      [['--adapter', join(home, 'bin')], 'is not a LoRA adapter'],
      [['--draft', join(home, 'bin')], 'bin has no config.json'],
    ] as const) {
      const { status, stderr } = tether(['install', '--model', 'demo', ...flags])
      expect([status, stderr]).toEqual([1, expect.stringContaining(message)])
      expect(existsSync(path)).toBe(false)
    }
    writeFileSync(join(home, 'keys'), 'key\n', { mode: 0o600 })
    expect(tether(['install', '--model', 'demo', '--api-key-file', join(home, 'keys')]).status).toBe(0)
  })

  test('writes through a link to a file, and refuses any other link', () => {
    const { home, path, tether } = makeHome()
    const real = join(home, 'dotfiles')
    mkdirSync(dirname(path), { recursive: true })
    symlinkSync(real, path)
    const refused = tether(['install', '--model', 'demo'])
    expect([refused.status, refused.stderr]).toEqual([
      1,
      expect.stringContaining(`it is a link to ${real}, which is no`),
    ])
    writeFileSync(real, 'old')
    const { status, stderr } = tether(['install', '--model', 'demo'])
    expect([status, stderr]).toEqual([0, expect.stringContaining(`wrote ${real}, to which ${path} is a link`)])
    expect(lstatSync(path).isSymbolicLink()).toBe(true)
    expect(readFileSync(real, 'utf8')).toContain('demo')
    expect(tether(['uninstall']).stderr).toContain(`removed ${path}, a link: ${real} stays`)
    expect([existsSync(path), existsSync(real)]).toEqual([false, true])
    symlinkSync('/dev/null', path)
    expect(tether(['install', '--model', 'demo']).stderr).toContain('it is a link to /dev/null')
    expect(readlinkSync(path)).toBe('/dev/null')
  })

  test('installs a private file without a key and starts it, says its state, and removes it', () => {
    const { path, tether, asked } = makeHome()
    expect(tether(['install', '--model', 'demo', '--api-key', 'secret']).status).toBe(2)
    expect(tether(['install', '--model', 'demo', '--api-key-file', '-']).status).toBe(2)
    expect(existsSync(path)).toBe(false)
    const { status, stderr } = tether(['install', '--model', 'demo'])
    expect([status, stderr]).toEqual([0, expect.stringContaining(`wrote ${path}`)])
    expect(statSync(path).mode & 0o777).toBe(0o600)
    expect(asked()).toMatch(/enable tether\.service|bootstrap /)
    expect(tether(['status']).stdout).toContain(path)
    expect(tether(['uninstall']).status).toBe(0)
    expect(asked()).toMatch(/disable --now tether\.service|bootout /)
    expect([existsSync(path), tether(['uninstall']).status]).toEqual([false, 1])
  })

  test('says how to start it where there is nothing that could', () => {
    const { path, tether } = makeHome()
    const { status, stderr } = tether(['install', '--model', 'demo'], '/no/such/folder')
    expect([status, existsSync(path)]).toEqual([1, true])
    expect(stderr).toMatch(/To start it:\n {2}(systemctl --user daemon-reload|launchctl bootstrap)/)
  })

  test('writes nothing with --dry-run, and what it prints serves under env -i', async () => {
    const { home, path, tether } = makeHome()
    const { stdout } = tether(['install', '--model', 'demo', '--port', '0', '--dry-run'])
    expect(existsSync(path) || existsSync(dirname(path))).toBe(false)
    // As install makes it.
    mkdirSync(join(home, '.tether', 'logs'), { recursive: true })
    const isUnit = stdout.startsWith('[Unit]')
    const words = isUnit
      ? systemdWords(lineOf(stdout, 'ExecStart')[0] ?? '').map((word) => word.replaceAll('$$', '$'))
      : [...stdout.matchAll(/^ {4}<string>(.*)<\/string>$/gm)].map(([, word = '']) => word)
    const command = isUnit ? words : words.slice(0, words.indexOf('--log-file') + 2)
    const child = spawn('env', ['-i', `HOME=${home}`, ...command], { cwd: '/', stdio: ['ignore', 'ignore', 'pipe'] })
    onTestFinished(() => void child.kill('SIGKILL'))
    let said = ''
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      said += text
    })
    await until(() => said.includes(' ready at '))
    const url = / ready at (\S+)/.exec(said)?.[1]
    expect((await fetch(`${url}/health`)).status).toBe(200)
    const ended = new Promise((done) => child.once('exit', done))
    child.kill('SIGTERM')
    expect(await ended).toBe(0)
  })
})
