/** tether config: what it prints, and that config.toml is made once. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { configAsJson, showConfig } from '../../../src/cli/commands/config.js'
import { readConfig } from '../../../src/cli/config/read-config.js'
import type { Layer } from '../../../src/cli/config/settings-table.js'
import { useTether } from '../../support/cli-fixture.js'
import { writeModel } from '../../support/model-folders.js'

const tether = useTether()

describe('the output of tether config', () => {
  let folder: string
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'tether-config-test-'))
  })
  afterEach(() => rmSync(folder, { recursive: true }))
  const write = (name: string, text: string) => writeFileSync(join(folder, name), text)
  const read = (flags: Layer = {}) => readConfig(flags, { folder, env: {} })

  test('has every value with its origin, and is a file with the same meaning', async () => {
    write('10.toml', '[server]\nport = 9\n[sampling]\ntop_k = 3\n[models."a b"]\nthinking = "on"\n')
    const config = await read({ memoryCap: 18e9 })
    const text = showConfig(config)
    expect(text).toMatch(/^port = 9 +# .*10\.toml:2$/m)
    expect(text).toMatch(/^memory_cap = 18000000000 +# --memory-cap$/m)
    expect(text).toMatch(/^host = "127\.0\.0\.1" +# built-in$/m)
    write('10.toml', text)
    const again = await read()
    expect(again.settings).toEqual(config.settings)
    expect(again.perModel['a b']?.layer).toEqual({ thinking: 'on' })
  })

  test('hides the API key', async () => {
    write('10.toml', '[server]\napi_key = "very-secret"\n')
    const config = await read()
    expect(config.settings.apiKey).toBe('very-secret')
    expect(showConfig(config) + configAsJson(config)).not.toContain('very-secret')
  })

  test('can be JSON', async () => {
    write('10.toml', '[server]\nport = 9\n')
    const { settings } = JSON.parse(configAsJson(await read({ topK: 2 })))
    expect(settings['server.port']).toEqual({ value: 9, from: join(folder, '10.toml:2') })
    expect(settings['sampling.top_k']).toEqual({ value: 2, from: '--top-k' })
    expect(settings['sampling.top_p']).toEqual({ value: 'auto', from: 'built-in' })
  })
})

describe('tether config', () => {
  test('creates config.toml once, and says so', async () => {
    const first = await tether.start(['config']).ended
    expect([first.code, first.stderr]).toEqual([
      0,
      'tether: created ~/.tether/config/config.toml, which explains every setting\n',
    ])
    expect(first.stdout).toMatch(/\nport = 8080 +# built-in\n/)
    const file = join(tether.place.home, '.tether', 'config', 'config.toml')
    const made = readFileSync(file, 'utf8')
    const second = await tether.start(['config']).ended
    expect([second.code, second.stderr, second.stdout]).toEqual([0, '', first.stdout])
    expect(readFileSync(file, 'utf8')).toBe(made)
  })

  test('--json prints values with their origins', async () => {
    tether.configure('[server]\nport = 9000\n')
    const { code, stdout } = await tether.start(['config', '--json', '--top-k', '5']).ended
    expect(code).toBe(0)
    const { settings } = JSON.parse(stdout) as { settings: Record<string, { value: unknown; from: string }> }
    expect(settings['server.port']).toMatchObject({ value: 9000, from: expect.stringMatching(/10-test\.toml:2$/) })
    expect(settings['sampling.top_k']).toEqual({ value: 5, from: '--top-k' })
  })

  test('a broken file exits with status 1 and names the line', async () => {
    tether.configure('[server]\nport = "x"\n')
    const { code, stdout, stderr } = await tether.start(['config']).ended
    expect([code, stdout]).toEqual([1, ''])
    expect(stderr).toContain('tether: ~/.tether/config/10-test.toml:2: port must be ')
  })

  test('all wrong settings are reported at once, of all files and flags', async () => {
    tether.configure('[server]\nport = "x"\nhost = 3\n[models."a"]\nthreads = -1\n[model]\nmax_contxt = 1\n')
    writeFileSync(join(tether.place.home, '.tether', 'config', '20-more.toml'), '[launch]\nforce = "maybe"\n')
    writeFileSync(join(tether.place.home, '.tether', 'config', '30-broken.toml'), '[server\nport = 1\n')
    const { code, stderr } = await tether.start(['config']).ended
    expect(code).toBe(1)
    expect(stderr.trim().split('\n').slice(-6)).toEqual([
      expect.stringMatching(/10-test\.toml:2: port must be /),
      '~/.tether/config/10-test.toml:3: host must be a text, not 3',
      expect.stringMatching(/10-test\.toml:5: threads must be .*, not -1$/),
      '~/.tether/config/20-more.toml:2: force must be true or false, not "maybe"',
      '~/.tether/config/30-broken.toml:1: missing ] (for a table such as [server])',
      'warning: ~/.tether/config/10-test.toml:7: unknown key [model] max_contxt. Did you mean [model] max_context?',
    ])
    const flags = await tether.start(['--port', 'x', '--temperature', '9', '--thinking', 'no']).ended
    expect([flags.code, flags.stderr.match(/--\S+ must be/g)?.sort()]).toEqual([
      2,
      ['--port must be', '--temperature must be', '--thinking must be'],
    ])
  })

  test('a table for a model that is not there, or for several, is a warning', async () => {
    const models = join(tether.place.home, '.tether', 'models')
    for (const name of ['org/gemma', 'one/llama', 'two/llama']) writeModel(join(models, name))
    tether.configure(
      '[models."gema"]\nthreads = 1\n[models."gemma"]\nthreads = 1\n[models."demo"]\nthreads = 1\n[models."llama"]\nthreads = 1\n',
    )
    const at = 'tether: warning: ~/.tether/config/10-test.toml'
    const warnings = [
      `${at}:2: [models."gema"] is not the name of a model here. Did you mean "org/gemma"?`,
      `${at}:8: [models."llama"] applies to one/llama and two/llama`,
    ]
    const { code, stderr } = await tether.start(['config']).ended
    expect([code, stderr.trim().split('\n').slice(-2)]).toEqual([0, warnings])
    const run = await tether.startWithClaude(['exit:0']).ended
    for (const warning of warnings) expect(run.stderr).toContain(warning)
    expect((await tether.start(['config', '--log-level', 'silent']).ended).stderr).toBe('')
  })

  test('prints the settings even if the home is not writable', async () => {
    writeFileSync(join(tether.place.home, '.tether'), 'a file where a folder should be')
    const { code, stdout, stderr } = await tether.start(['config']).ended
    expect([code, stderr]).toEqual([0, ''])
    expect(stdout).toContain('no file')
  })
})
