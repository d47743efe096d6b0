/** Configuration files: which are read, what overrides what, and how mistakes are reported. */
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { homedir, tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { readConfigFiles } from '../../../src/cli/config/config-files.js'
import { configTemplate, defaultOf, writeTemplate } from '../../../src/cli/config/config-template.js'
import { builtIn, readConfig } from '../../../src/cli/config/read-config.js'
import { type Layer, setting, settingNames } from '../../../src/cli/config/settings-table.js'

let folder: string

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'tether-config-test-'))
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

const write = (name: string, text: string) => writeFileSync(join(folder, name), text)
const read = (flags: Layer = {}, env: Record<string, string> = {}) => readConfig(flags, { folder, env })

describe('the folder of configuration files', () => {
  test('ranks below flags and above built-in values, later drop-ins above earlier ones above config.toml', async () => {
    write('config.toml', '[server]\nhost = "a"\nport = 1\n[model]\nmax_context = 1\nthreads = 1\n')
    write('10-one.toml', '[server]\nport = 2\n[model]\nmax_context = 2\nthreads = 2\n')
    write('20-two.toml', '[model]\nmax_context = 3\nthreads = 3\n')
    const { settings, origins, files } = await read({ threads: 4 })
    expect(settings).toMatchObject({ host: 'a', port: 2, maxContext: 3, threads: 4, logLevel: 'warning' })
    expect(origins).toMatchObject({
      host: `${folder}/config.toml:2`,
      port: `${folder}/10-one.toml:2`,
      maxContext: `${folder}/20-two.toml:2`,
      threads: 'flag',
      logLevel: builtIn,
    })
    expect(files.map((file) => file.slice(folder.length + 1))).toEqual(['config.toml', '10-one.toml', '20-two.toml'])
  })

  test('is read with config.toml first, whatever the names of the others are', async () => {
    write('config.toml', '[server]\nport = 1\n')
    write('00-early.toml', '[server]\nport = 2\n')
    write('aaa.toml', '[server]\nhost = "aaa"\n')
    write('zzz.toml', '[server]\nhost = "zzz"\n')
    expect((await read()).settings).toMatchObject({ port: 2, host: 'zzz' })
  })

  test('is read without dotfiles, other extensions and subfolders, but with links to files', async () => {
    write('.hidden.toml', '[server]\nport = 1\n')
    write('20-old.toml.bak', '[server]\nport = 2\n')
    write('notes.txt', 'port = 3')
    mkdirSync(join(folder, '30-folder.toml'))
    mkdirSync(join(folder, 'sub'))
    writeFileSync(join(folder, 'sub', '40.toml'), '[server]\nport = 4\n')
    expect((await read()).settings.port).toBe(8080)
    const elsewhere = join(folder, 'sub', '40.toml')
    symlinkSync(elsewhere, join(folder, '50-link.toml'))
    expect((await read()).settings.port).toBe(4)
  })

  test('ranks above TETHER_MODELS_DIR, which ranks above the built-in value', async () => {
    expect((await read()).settings.modelsDir).toBe(join(homedir(), '.tether', 'models'))
    const fromEnv = await read({}, { TETHER_MODELS_DIR: '/env' })
    expect([fromEnv.settings.modelsDir, fromEnv.origins.modelsDir]).toEqual(['/env', 'TETHER_MODELS_DIR'])
    write('config.toml', '[model]\nmodels_dir = "~/m"\n')
    expect((await read({}, { TETHER_MODELS_DIR: '/env' })).settings.modelsDir).toBe(join(homedir(), 'm'))
    expect((await read({ modelsDir: '/flag' }, { TETHER_MODELS_DIR: '/env' })).settings.modelsDir).toBe('/flag')
  })

  test('can unset with auto and "" what an earlier file set', async () => {
    write('config.toml', '[model]\nmemory_cap = "1GB"\ndefault = "x"\n[sampling]\ntemperature = 1\n')
    write('10.toml', '[model]\nmemory_cap = "auto"\ndefault = ""\n[sampling]\ntemperature = "auto"\n')
    const { settings } = await read()
    expect([settings.memoryCap, settings.model, settings.temperature]).toEqual([undefined, undefined, undefined])
  })

  test("can hold a model's own table, which ranks above all files and below the flags", async () => {
    write(
      'config.toml',
      '[sampling]\ntemperature = 0.5\ntop_k = 5\n[models."org/gemma"]\ntemperature = 0.7\nthinking = "on"\n',
    )
    write('10.toml', '[models."org/gemma"]\ntemperature = 0.8\n[models.other]\ntemperature = 0.9\n')
    const config = await read({ topK: 9 })
    expect(config.settings.temperature).toBe(0.5)
    const { settings, origins } = config.forModel(['gemma', 'org/gemma'])
    expect(settings).toMatchObject({ temperature: 0.8, thinking: 'on', topK: 9 })
    expect(origins.temperature).toBe(`${folder}/10.toml:2`)
    expect((await read({ temperature: 0 })).forModel(['org/gemma']).settings.temperature).toBe(0)
    expect(config.forModel(['constructor', 'nobody']).settings.temperature).toBe(0.5)
  })

  test('is where relative paths in its files start', async () => {
    write('config.toml', '[model]\nmodels_dir = "models"\n[launch]\nclaude_path = "~/bin/claude"\n')
    const { settings } = await read()
    expect(settings.modelsDir).toBe(join(folder, 'models'))
    expect(settings.claudePath).toBe(join(homedir(), 'bin', 'claude'))
  })
})

describe('tether is not configured by', () => {
  test('files of the working directory, which are neither read nor run', async () => {
    const project = join(folder, 'project')
    mkdirSync(project)
    const ran = join(project, 'ran')
    const run = `require('node:fs').writeFileSync(${JSON.stringify(ran)}, '')\nmodule.exports = { server: { port: 1 } }`
    for (const name of ['config.js', 'config.cjs', 'tether.config.js', 'config.config.js', '.configrc.js']) {
      writeFileSync(join(project, name), run)
      writeFileSync(join(folder, name), run)
    }
    for (const name of ['.configrc', '.tetherrc', '.env'])
      writeFileSync(join(project, name), 'server.port=2\nTETHER_MODELS_DIR=/x')
    writeFileSync(join(project, 'package.json'), '{"config":{"server":{"port":3}},"tether":{"server":{"port":3}}}')
    writeFileSync(join(project, 'config.toml'), '[server]\nport = 4\n')
    write('config.toml', '[server]\nhost = "here"\n')
    const before = process.cwd()
    process.chdir(project)
    try {
      const { settings } = await read()
      expect(settings).toMatchObject({ host: 'here', port: 8080 })
    } finally {
      process.chdir(before)
    }
    expect(existsSync(ran)).toBe(false)
  })

  test('the special tables of c12', async () => {
    write(
      'config.toml',
      'extends = "gh:somebody/something"\n[server]\nport = 1\n["$test".server]\nport = 2\n["$env".test.server]\nport = 3\n',
    )
    const { settings, warnings } = await read()
    expect(settings.port).toBe(1)
    expect(warnings.map((line) => line.split(': ')[1])).toEqual([
      'unknown key extends. Use one of',
      'unknown key [$test.server] port. Did you mean [server] port?',
      'unknown key [$env.test.server] port. Did you mean [server] port?',
    ])
  })
})

describe('mistakes in files', () => {
  test.each([
    ['[server]\nprot = 1\n', '2: unknown key [server] prot. Did you mean [server] port?'],
    ['[model]\nmax-context = 1\n', '2: unknown key [model] max-context. Did you mean [model] max_context?'],
    ['max_context = 1\n', '1: unknown key max_context. Did you mean [model] max_context?'],
    ['[server]\nmax_context = 1\n', '2: unknown key [server] max_context. Did you mean [model] max_context?'],
    ['[servr]\nport = 1\n', '2: unknown key [servr] port. Did you mean [server] port?'],
    ['[server]\nzzzzzzzz = 1\n', '2: unknown key [server] zzzzzzzz. Use one of: host, port'],
    ['[model.deep]\nx = 1\n', '2: unknown key [model.deep] x. Use one of: default, '],
    ['[models.gemma]\nport = 1\n', '2: [models] has no key port. Use one of: memory_cap, '],
    ['[models.gemma]\ntemprature = 1\n', '2: [models] has no key temprature. Did you mean temperature?'],
    ['models = 3\n', '1: unknown key models. Did you mean [server] models?'],
  ])('%j gives a warning', async (text, warning) => {
    write('config.toml', text)
    const { warnings } = await read()
    expect(warnings).toHaveLength(1)
    expect(warnings[0]).toContain(`${join(folder, 'config.toml')}:${warning}`)
  })

  test.each([
    ['[server]\nport = "80"\n', '2: port must be a whole number from 0 to 65535, not "80"'],
    ['[server]\n\nport = 99999\n', '3: port must be a whole number from 0 to 65535, not 99999'],
    ['[server]\nhost = 1\n', '2: host must be a text, not 1'],
    ['[server]\nhost = ["a"]\n', '2: host must be a text, not ["a"]'],
    ['[server]\nhost = ""\n', '2: host must be a text, not ""'],
    ['[model]\nmax_context = 1.5\n', '2: max_context must be a whole number of at least 0, not 1.5'],
    ['[model]\nmemory_cap = "much"\n', '2: memory_cap must be a size such as'],
    ['[model]\nmemory_cap = -1\n', '2: memory_cap must be a size such as'],
    ['[model]\nthinking = true\n', '2: thinking must be one of auto, on, off, not true'],
    ['[sampling]\ntop_p = 2\n', '2: top_p must be a number from 0 to 1, or auto, not 2'],
    ['[sampling]\ntemperature = nan\n', '2: temperature must be a number'],
    ['[launch]\nforce = "yes"\n', '2: force must be true or false, not "yes"'],
    ['[launch]\nlog_level = "loud"\n', '2: log_level must be one of critical'],
    ['[models.x]\ntemperature = "hot"\n', '2: temperature must be a number from 0 to 2, or auto, not "hot"'],
    ['[server]\nport = \n', '3: '],
    ['[server\nport = 1\n', '1: missing ] (for a table such as [server])'],
    ['[server]\nhost = localhost\n', '2: '],
    ['[server]\nport = 1\nport = 2\n', '3: this is set above already. Keep one of the two.'],
    ['[server]\nport = 1\n[server]\nhost = "a"\n', '3: this is set above already. Keep one of the two.'],
  ])('%j throws', async (text, message) => {
    write('10-mine.toml', text)
    await expect(read()).rejects.toMatchObject({ code: 'bad_config' })
    await expect(read()).rejects.toThrow(`${join(folder, '10-mine.toml')}:${message}`)
  })

  test('a broken link throws an error that names it', async () => {
    symlinkSync(join(folder, 'gone'), join(folder, '10-gone.toml'))
    await expect(read()).rejects.toThrow(join(folder, '10-gone.toml'))
  })

  test('a missing folder is an empty configuration', async () => {
    expect((await readConfig({}, { folder: join(folder, 'none'), env: {} })).files).toEqual([])
  })
})

describe('the template of config.toml', () => {
  test('is read as it would be with a change that means nothing', async () => {
    const path = join(folder, 'config.toml')
    writeFileSync(path, configTemplate())
    const created = await readConfigFiles(folder)
    writeFileSync(path, `${configTemplate()}# a remark\n`)
    expect(created).toEqual(await readConfigFiles(folder))
    expect(created[0]?.lines.get('maxContext')).toMatch(/config\.toml:\d+$/)
  })

  test('sets max_context and nothing else, with every other key and its default as a comment', async () => {
    expect(writeTemplate(join(folder, 'config.toml'))).toBe(true)
    const { settings, origins, warnings } = await read()
    const { settings: plain } = await readConfig({}, { folder: join(folder, 'none'), env: {} })
    expect(warnings).toEqual([])
    expect(settings).toEqual(plain)
    expect(settingNames.filter((name) => origins[name] !== builtIn)).toEqual(['maxContext'])
    expect(settings.maxContext).toBe(65_536)
  })

  test('means the same with every comment mark removed', async () => {
    const lines = configTemplate().split('\n')
    write(
      'config.toml',
      lines.map((line) => line.replace(/^# (\w+ = )/, '$1').replace(/^# (\[models)/, '$1')).join('\n'),
    )
    const { settings, origins, warnings, perModel } = await read()
    const { settings: plain } = await readConfig({}, { folder: join(folder, 'none'), env: {} })
    expect(warnings).toEqual([])
    expect(settings).toEqual(plain)
    expect(settingNames.filter((name) => origins[name] === builtIn)).toEqual([])
    expect(Object.values(perModel)[0]?.layer).toEqual({ temperature: 0.7, thinking: 'off' })
  })

  test('never overwrites a file', () => {
    write('config.toml', '# mine\n')
    expect(writeTemplate(join(folder, 'config.toml'))).toBe(false)
    expect(readFileSync(join(folder, 'config.toml'), 'utf8')).toBe('# mine\n')
  })

  test('explains every setting', () => {
    for (const name of settingNames) expect(configTemplate()).toMatch(new RegExp(`^(# )?${setting(name).key} = `, 'm'))
  })
})

test('docs/configuration.md has a row for every setting, with its default, and names those of one model', () => {
  const text = readFileSync(join(import.meta.dirname, '..', '..', '..', 'docs', 'configuration.md'), 'utf8')
  for (const name of settingNames) {
    const { section, key } = setting(name)
    const row = text.split('\n').find((line) => line.startsWith(`| \`[${section}] ${key}\` `))
    const cell = row?.split('|')[2]?.trim().replaceAll('`', '')
    expect([key, cell?.replaceAll('"', '')]).toEqual([key, String(defaultOf(name))])
  }
  const ofOneModel = text.split("## One model's own settings")[1]
  const perModel = settingNames.map(setting).filter(({ perModel, section }) => perModel && section === 'model')
  for (const { key } of perModel) expect(ofOneModel).toContain(`\`${key}\``)
})
