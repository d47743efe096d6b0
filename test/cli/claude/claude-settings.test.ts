/** The environment and settings that Claude Code gets. */
import { describe, expect, test } from 'vitest'
import {
  type ClaudeSettings,
  claudeSettings,
  mergeForwarded,
  toolArgs,
} from '../../../src/cli/claude/claude-settings.js'

const wiring = { url: 'http://127.0.0.1:8080', token: 'secret', window: 65_536, modelName: 'gemma' }

describe('the settings for Claude Code', () => {
  test('name a small model of its own, in words that Claude Code does not take for others', () => {
    const named = (smallModel: string) =>
      claudeSettings({ ...wiring, smallModel }, {}).env.ANTHROPIC_DEFAULT_HAIKU_MODEL
    expect([named('gemma-1b'), named('my-haiku'), named('a[1m]')]).toEqual(['gemma-1b', 'tether-small', 'tether-small'])
  })

  test('are complete for a window of 64k and an empty environment', () => {
    const { env, settings } = claudeSettings(wiring, {})
    const same = {
      ANTHROPIC_BASE_URL: 'http://127.0.0.1:8080',
      ANTHROPIC_AUTH_TOKEN: 'secret',
      ANTHROPIC_MODEL: 'gemma',
      ANTHROPIC_DEFAULT_MODEL: 'gemma',
      ANTHROPIC_DEFAULT_OPUS_MODEL: 'gemma',
      ANTHROPIC_DEFAULT_SONNET_MODEL: 'gemma',
      ANTHROPIC_DEFAULT_HAIKU_MODEL: 'gemma',
      ANTHROPIC_DEFAULT_FABLE_MODEL: 'gemma',
      CLAUDE_CODE_SUBAGENT_MODEL: 'gemma',
      CLAUDE_CODE_MAX_CONTEXT_TOKENS: '65536',
      CLAUDE_CODE_DISABLE_1M_CONTEXT: '1',
      CLAUDE_CODE_MAX_OUTPUT_TOKENS: '8192',
      CLAUDE_CODE_ATTRIBUTION_HEADER: '0',
      CLAUDE_CODE_TOTAL_TOKENS_REMINDER: 'off',
      CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC: '1',
      CLAUDE_CODE_DISABLE_OFFICIAL_MARKETPLACE_AUTOINSTALL: '1',
      CLAUDE_CODE_DISABLE_TERMINAL_TITLE: '1',
      API_TIMEOUT_MS: '3600000',
      CLAUDE_STREAM_IDLE_TIMEOUT_MS: '1800000',
      CLAUDE_CODE_MAX_CONCURRENT_SUBAGENTS: '4',
      CLAUDE_CODE_FILE_READ_MAX_OUTPUT_TOKENS: '12000',
      NO_PROXY: '127.0.0.1,localhost',
    }
    expect(env).toEqual(same)
    expect(settings.env).toMatchObject(same)
    const cleared = Object.entries(settings.env).filter(([name]) => !(name in same))
    expect(cleared.every(([, value]) => value === '')).toBe(true)
    expect(settings).toMatchObject({
      disableAutoMode: 'disable',
      skipWebFetchPreflight: true,
      permissions: { deny: ['WebSearch'] },
      modelPicker: {
        options: [{ model: 'gemma', label: 'gemma', description: '64k window, on this machine by tether' }],
        replaceBuiltInOptions: true,
      },
    })
  })

  test.each([
    ['mlx-community/gemma-4-e2b-it-4bit', 'mlx-community/gemma-4-e2b-it-4bit'],
    ['models with spaces', 'models with spaces'],
    ['claude-like', 'tether-local'],
    ['Llama-Opus-distill', 'tether-local'],
    ['gemma[1m]', 'tether-local'],
    ['two\nlines', 'tether-local'],
  ])('call a model by its name, unless Claude Code would take it for another: %j', (modelName, id) => {
    const { settings } = claudeSettings({ ...wiring, modelName }, {})
    expect([settings.env.ANTHROPIC_MODEL, settings.env.ANTHROPIC_DEFAULT_HAIKU_MODEL]).toEqual([id, id])
    expect(settings.modelPicker).toMatchObject({ options: [{ model: id, label: modelName }] })
  })

  test('cap the output of tools in a small window, unless the user did', () => {
    const small = claudeSettings({ ...wiring, window: 32_768 }, {}).env
    expect(small).toMatchObject({
      CLAUDE_CODE_FILE_READ_MAX_OUTPUT_TOKENS: '3867',
      BASH_MAX_OUTPUT_LENGTH: '11601',
    })
    const own = claudeSettings({ ...wiring, window: 32_768 }, { BASH_MAX_OUTPUT_LENGTH: '20000' })
    expect([own.env.BASH_MAX_OUTPUT_LENGTH, own.settings.env.BASH_MAX_OUTPUT_LENGTH]).toEqual(['20000', '20000'])
    const large = claudeSettings({ ...wiring, window: 65_536 }, {}).env
    expect(large.CLAUDE_CODE_FILE_READ_MAX_OUTPUT_TOKENS).toBe('12000')
    expect(large.BASH_MAX_OUTPUT_LENGTH).toBeUndefined()
  })

  test.each([
    { window: 32_768, output: '3867', compact: undefined, only200k: '1' },
    { window: 65_536, output: '8192', compact: undefined, only200k: '1' },
    { window: 99_999, output: '12499', compact: undefined, only200k: '1' },
    { window: 100_000, output: '12500', compact: '100000', only200k: '1' },
    { window: 131_072, output: '16384', compact: '131072', only200k: '1' },
    { window: 200_000, output: '16384', compact: '200000', only200k: '1' },
    { window: 262_144, output: '16384', compact: '262144', only200k: undefined },
    { window: 2_000_000, output: '16384', compact: '1000000', only200k: undefined },
  ])('fit a window of $window', ({ window, output, compact, only200k }) => {
    const inherited = { CLAUDE_CODE_AUTO_COMPACT_WINDOW: '123456', CLAUDE_CODE_DISABLE_1M_CONTEXT: '0' }
    const { env, settings } = claudeSettings({ ...wiring, window }, inherited)
    for (const told of [env, settings.env]) {
      expect(told.CLAUDE_CODE_MAX_CONTEXT_TOKENS).toBe(String(window))
      expect(told.CLAUDE_CODE_MAX_OUTPUT_TOKENS).toBe(output)
    }
    expect([env.CLAUDE_CODE_AUTO_COMPACT_WINDOW, env.CLAUDE_CODE_DISABLE_1M_CONTEXT]).toEqual([compact, only200k])
    // They might be set in the user's own settings, so they are emptied there.
    expect(settings.env.CLAUDE_CODE_AUTO_COMPACT_WINDOW).toBe(compact ?? '')
    expect(settings.env.CLAUDE_CODE_DISABLE_1M_CONTEXT).toBe(only200k ?? '')
  })

  test.each([
    'ANTHROPIC_API_KEY',
    'ANTHROPIC_UNIX_SOCKET',
    'CLAUDE_CODE_OAUTH_TOKEN',
    'CLAUDE_CODE_USE_BEDROCK',
    'CLAUDE_CODE_USE_VERTEX',
    'CLAUDE_CODE_USE_FOUNDRY',
  ])('remove %s from the environment and empty it in the settings', (name) => {
    const { env, settings } = claudeSettings(wiring, { [name]: 'theirs' })
    expect(env).not.toHaveProperty(name)
    expect(settings.env[name]).toBe('')
  })

  test.each(['ANTHROPIC_BASE_URL', 'ANTHROPIC_AUTH_TOKEN', 'ANTHROPIC_MODEL', 'CLAUDE_CODE_MAX_CONTEXT_TOKENS'])(
    "override the shell's %s",
    (name) => {
      const { env, settings } = claudeSettings(wiring, { [name]: 'theirs' })
      expect(env[name]).not.toBe('theirs')
      expect(settings.env[name]).toBe(env[name])
    },
  )

  test.each([
    ['API_TIMEOUT_MS', '1000'],
    ['CLAUDE_CODE_MAX_OUTPUT_TOKENS', '2000'],
    ['CLAUDE_CODE_ATTRIBUTION_HEADER', '1'],
  ])("keep the shell's %s", (name, value) => {
    const { env, settings } = claudeSettings(wiring, { [name]: value })
    expect([env[name], settings.env[name]]).toEqual([value, value])
  })

  test('keep the rest of the environment', () => {
    const { env, settings } = claudeSettings(wiring, { PATH: '/bin', EMPTY: '', GONE: undefined })
    expect(env).toMatchObject({ PATH: '/bin', EMPTY: '' })
    expect(env).not.toHaveProperty('GONE')
    expect(settings.env).not.toHaveProperty('PATH')
  })

  test.each([
    [{}, { NO_PROXY: '127.0.0.1,localhost' }],
    [{ NO_PROXY: '.corp,10.0.0.1' }, { NO_PROXY: '.corp,10.0.0.1,127.0.0.1,localhost' }],
    [{ NO_PROXY: 'localhost' }, { NO_PROXY: 'localhost,127.0.0.1' }],
    [{ NO_PROXY: '*' }, { NO_PROXY: '*' }],
    [{ no_proxy: '.corp' }, { NO_PROXY: '.corp,127.0.0.1,localhost', no_proxy: '.corp,127.0.0.1,localhost' }],
    [
      { NO_PROXY: 'a', no_proxy: 'b' },
      { NO_PROXY: 'a,127.0.0.1,localhost', no_proxy: 'b,127.0.0.1,localhost' },
    ],
  ])('add to the proxy exceptions %j', (inherited, expected) => {
    const { env, settings } = claudeSettings(wiring, inherited)
    expect(env).toMatchObject(expected)
    expect(settings.env).toMatchObject(expected)
  })

  test.each([
    ['http://[::1]:8080', '127.0.0.1,localhost,::1'],
    ['http://192.168.1.5:8080', '127.0.0.1,localhost,192.168.1.5'],
  ])('add the host of %s to the proxy exceptions', (url, expected) => {
    expect(claudeSettings({ ...wiring, url }, {}).env.NO_PROXY).toBe(expected)
  })
})

describe('mergeForwarded', () => {
  const { settings: ours } = claudeSettings(wiring, {})
  const merged = (theirs: Record<string, unknown>): ClaudeSettings => mergeForwarded(ours, theirs, wiring)

  test("lets the user's values win, and joins lists", () => {
    const result = merged({
      skipWebFetchPreflight: false,
      permissions: { deny: ['Bash(rm *)'], allow: ['Read'] },
      outputStyle: 'terse',
      env: { API_TIMEOUT_MS: '5', MINE: '1' },
    })
    expect(result).toMatchObject({
      skipWebFetchPreflight: false,
      permissions: { deny: ['WebSearch', 'Bash(rm *)'], allow: ['Read'] },
      outputStyle: 'terse',
      disableAutoMode: 'disable',
    })
    expect(result.env).toMatchObject({ API_TIMEOUT_MS: '5', MINE: '1', CLAUDE_CODE_ATTRIBUTION_HEADER: '0' })
  })

  test('does not let them route Claude Code elsewhere', () => {
    const result = merged({
      model: 'opus',
      apiKeyHelper: '/bin/key',
      modelPicker: { options: [] },
      env: {
        ANTHROPIC_BASE_URL: 'https://elsewhere',
        ANTHROPIC_AUTH_TOKEN: 'x',
        ANTHROPIC_API_KEY: 'x',
        CLAUDE_CODE_USE_BEDROCK: '1',
        ANTHROPIC_DEFAULT_HAIKU_MODEL: 'x',
        CLAUDE_CODE_MAX_CONTEXT_TOKENS: '1',
        CLAUDE_CODE_AUTO_COMPACT_WINDOW: '500000',
      },
    })
    expect(result.env).toEqual(ours.env)
    expect(result).not.toHaveProperty('model')
    expect(result).not.toHaveProperty('apiKeyHelper')
    expect(result.modelPicker).toEqual(ours.modelPicker)
  })

  test('adds to their proxy exceptions', () => {
    expect(merged({ env: { NO_PROXY: '.corp' } }).env.NO_PROXY).toBe('.corp,127.0.0.1,localhost')
  })

  test('ignores an env that is not an object', () => {
    expect(merged({ env: 'x' }).env).toEqual(ours.env)
  })
})

test.each([
  [32_768, [], ['--tools', 'Bash,Read,Edit,Write']],
  [40_000, [], ['--tools', 'Bash,Read,Edit,Write']],
  [40_001, [], []],
  [32_768, ['--tools', 'Bash'], []],
  [32_768, ['--tools=Bash'], []],
  [32_768, ['--bare'], []],
])('a window of %j with the arguments %j gets the tool arguments %j', (window, claudeArgs, expected) => {
  expect(toolArgs(window, claudeArgs)).toEqual(expected)
})
