/** npm run record: the recording of README is a session that really runs. */
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { homedir, tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { framesOf, textOf } from '../support/recording.js'

const root = join(import.meta.dirname, '..', '..')

describe('npm run record', () => {
  let folder: string
  let svg: string
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'tether-recording-test-'))
    execFileSync(process.execPath, ['scripts/record-session.mjs', join(folder, 'new.svg')], {
      cwd: root,
      stdio: 'pipe',
    })
    svg = readFileSync(join(folder, 'new.svg'), 'utf8')
  }, 180_000)
  afterAll(() => rmSync(folder, { recursive: true, force: true }))

  test('shows the session from its start to its end, in this order', () => {
    const steps = [
      /^\$$/,
      /\$ tether --model demo\n[\s\S]*\bready\b/,
      /Claude Code v[\s\S]* demo · 0 of 64k \(0%\)/,
      /❯ Say pineapple\./,
      /● pineapple[\s\S]*· cache \d+%/,
      /Do you want to proceed\?/,
      /● The command printed: seven brave otters[\s\S]*· cache [1-9]\d*% · \d+ tok\/s/,
      /tether --model demo -- --continue[\s\S]*\n\$$/,
    ]
    const frames = framesOf(svg).map(textOf)
    let from = 0
    for (const step of steps) {
      const at = frames.findIndex((text, frame) => frame >= from && step.test(text))
      expect(at, `${step}, from frame ${from}:\n${frames.slice(from).join('\n\n')}`).toBeGreaterThanOrEqual(from)
      from = at
    }
    expect(from).toBe(frames.length - 1)
  })

  test('names no path of this machine, and is small enough for a page', () => {
    expect(svg).not.toContain(root)
    expect(svg).not.toContain(homedir())
    expect(svg).not.toContain(folder.replace(/[^/]*$/, 'tether-record-'))
    expect(svg.length).toBeLessThan(150_000)
  })

  test('shows the answer where nothing is animated', () => {
    const still = framesOf(svg).filter(({ visible }) => visible)
    expect(still.map(textOf)).toEqual([expect.stringContaining('The command printed: seven brave otters')])
  })
})
