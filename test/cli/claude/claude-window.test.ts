import { describe, expect, it } from 'vitest'
import { claudeWindow, maxOutputFor, toolOutputFor } from '../../../src/cli/claude/claude-window.js'

const verdict = (window: number, maxOutput = maxOutputFor(window)) => claudeWindow(window, maxOutput).verdict

describe('a window for Claude Code', () => {
  it.each([
    // Measured with Claude Code 2.1.330.
    [65_536, 32_000, 32_536],
    [65_536, 8192, 44_344],
    [131_072, 16_384, 101_688],
    [32_768, 4096, 15_672],
    [24_576, 3072, 8504],
    [20_480, 2560, 4920],
  ])('of %i tokens with answers of %i compacts at %i', (window, maxOutput, compactsAt) => {
    expect(claudeWindow(window, maxOutput)).toMatchObject({ compactsAt, refusesAt: compactsAt + 10_000 })
  })

  it('is ok, small or too small, by its size', () => {
    const verdicts = [1000, 16_384, 20_480, 22_528, 24_232, 24_233, 32_768, 40_000, 40_001, 65_536, 200_000]
    expect(verdicts.map((window) => `${window} ${verdict(window)}`)).toEqual([
      '1000 too-small',
      '16384 too-small',
      '20480 too-small',
      '22528 too-small',
      '24232 too-small',
      '24233 small',
      '32768 small',
      '40000 small',
      '40001 ok',
      '65536 ok',
      '200000 ok',
    ])
  })

  it('counts as smaller if answers may be long', () => {
    expect(verdict(32_768, 32_000)).toBe('too-small')
    expect(verdict(49_152, 20_000)).toBe('small')
    expect(claudeWindow(49_152, 20_000).message).toContain('Unset CLAUDE_CODE_MAX_OUTPUT_TOKENS, which is 20000')
  })

  it('leaves an eighth to an answer, less if it is small', () => {
    expect([131_072, 65_536, 40_000, 32_768, 24_576, 20_480, 4096, 1].map(maxOutputFor)).toEqual([
      16_384, 8192, 5000, 3867, 1819, 1024, 512, 1,
    ])
  })

  it('if it is small, caps the output of a tool', () => {
    expect([65_536, 40_001, 40_000, 32_768, 24_576, 8192].map(toolOutputFor)).toEqual([
      undefined,
      undefined,
      5900,
      3867,
      1819,
      1000,
    ])
  })

  it('that is small comes with a message that says what helps', () => {
    const message = (limit?: 'checkpoint' | 'max_context' | 'memory') => claudeWindow(8192, 1024, limit).message
    expect(message('max_context')).toBe(
      'a window of 8192 tokens is too small for Claude Code (it would compact immediately). Raise --max-context (65536 if memory allows), or use --force to start anyway',
    )
    expect(message('memory')).toContain('Raise --memory-cap, or use a smaller checkpoint')
    expect(message('checkpoint')).toContain('Use a checkpoint with a larger window')
    expect(message()).toContain('Raise --max-context or --memory-cap, or use')
    expect(claudeWindow(20_480, 1024).message).toContain('compact again and again, at 6456 tokens')
    expect(claudeWindow(32_768, 3867, 'max_context').message).toBe(
      'a window of 32768 tokens is small for Claude Code: it gets the tools Bash, Read, Edit and Write only, and compacts at 15901 tokens. Raise --max-context (65536 if memory allows)',
    )
    expect(claudeWindow(65_536, 8192, 'max_context').message).toBe('')
  })
})
