/** Which windows are small for an agent. */
import { expect, test } from 'vitest'
import { agents } from '../../../src/cli/agents/agent-table.js'
import { windowWarning } from '../../../src/cli/agents/agent-window.js'

const warning = (name: keyof typeof agents, window: number) =>
  windowWarning(agents[name], { window, windowLimit: 'max_context' })

test.each([
  ['pi', 10_000],
  ['continue', 10_000],
  ['opencode', 24_000],
  ['codex', 29_000],
  ['qwen', 38_000],
] as const)('%s is warned below about %d tokens', (name, most) => {
  expect(warning(name, most)).toBeUndefined()
  expect(warning(name, most - 1000)).toMatch(/^a window of \d+ tokens is small for /)
  expect(warning(name, 2 ** 20)).toBeUndefined()
})

test('a warning says what the agent needs and what helps', () => {
  const needs =
    'a window of 8192 tokens is small for Codex: its first prompt has up to 16000 tokens, and an answer 2048. '
  expect(warning('codex', 8192)).toBe(`${needs}Raise --max-context (65536 if memory allows)`)
  const window = { window: 8192, windowLimit: 'checkpoint' } as const
  expect(windowWarning(agents.codex, window)).toBe(`${needs}Use a checkpoint with a larger window`)
})

test('nothing is said of an agent whose prompt was not counted', () => {
  expect(warning('aider', 1000)).toBeUndefined()
})
