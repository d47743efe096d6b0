/** Which of Claude Code's arguments stand in the command that resumes a conversation. */
import { expect, test } from 'vitest'
import { continues, resumeArgs } from '../../../src/cli/claude/resume-args.js'

test.each([
  [[], []],
  [['--continue'], []],
  [['-c', '--verbose'], ['--verbose']],
  [['--resume', 'abc', '--fork-session'], []],
  [['-r', '--verbose'], ['--verbose']],
  [['--resume=abc', '--session-id', 'x'], []],
  [['fix my bug'], []],
  [['--dangerously-skip-permissions', 'fix my bug'], ['--dangerously-skip-permissions']],
  [
    ['--permission-mode', 'plan', 'fix my bug'],
    ['--permission-mode', 'plan'],
  ],
  [
    ['--add-dir', 'a b', 'c', '--model', 'opus'],
    ['--add-dir', 'a b', 'c', '--model', 'opus'],
  ],
  [
    ['--a-new-flag', 'its value'],
    ['--a-new-flag', 'its value'],
  ],
  [['--append-system-prompt=be short', 'hello'], ['--append-system-prompt=be short']],
  [['--verbose', '--', '--not-a-flag'], ['--verbose']],
])('of %j are %j', (given, kept) => expect(resumeArgs(given)).toEqual(kept))

test.each([
  [['--verbose', '--continue'], true],
  [['-r'], true],
  [['--resume=abc'], true],
  [['--', '--continue'], false],
  [['hello'], false],
])('%j continue a conversation: %s', (given, expected) => expect(continues(given)).toBe(expected))
