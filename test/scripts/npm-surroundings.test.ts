/** tether starts where the user stands, with the user's environment, although npm runs the script in the clone. */
import { execFile } from 'node:child_process'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type FakeClone, makeFakeClone, started } from '../support/fake-clone.js'

let clone: FakeClone
beforeAll(() => {
  clone = makeFakeClone({ realNpm: true })
  clone.program('claude', 'exit 0')
})
afterAll(() => clone.remove())

/** npm itself, as somebody types it in a folder. */
async function npm(cwd: string, args: string[], env: Record<string, string> = {}) {
  const { stdout } = await promisify(execFile)('npm', args, { cwd, env: { ...clone.env, ...env } })
  return started(stdout)
}

describe('npm start', () => {
  test('starts tether in the folder of the clone where the user stands', async () => {
    const folder = join(clone.folder, 'some where')
    mkdirSync(folder)
    const { cwd, args } = await npm(folder, ['start', '--', '--model', './model'])
    expect({ cwd, args }).toEqual({ cwd: folder, args: ['--model', './model'] })
  })

  test('starts it in another project with npm --prefix CLONE', async () => {
    const { cwd, PWD } = await npm(clone.project, ['--prefix', clone.folder, 'start'])
    expect({ cwd, PWD }).toEqual({ cwd: clone.project, PWD: clone.project })
  })

  test("gives Claude Code the user's own PATH and none of npm's variables, which would point its npm at the clone", async () => {
    const { npm: left, PATH } = await npm(clone.project, ['--prefix', clone.folder, 'start'])
    expect({ left, PATH }).toEqual({ left: [], PATH: clone.bin })
  })

  test('starts where it is called if npm did not start it', async () => {
    const script = join(clone.folder, 'scripts/start.mjs')
    const { stdout } = await promisify(execFile)(process.execPath, [script], { cwd: clone.project, env: clone.env })
    expect(started(stdout).cwd).toBe(clone.project)
  })

  test.each([
    ['start --model org/name', 'npm start -- --model org/name'],
    ['start --port 8081 --serve-only', 'npm start -- --serve-only --port 8081'],
    ['start --model=some\u00a0name', "npm start -- --model 'some\u00a0name'"],
  ])('says that npm kept the flags of npm %s to itself, and what to type', async (typed, expected) => {
    const typing = npm(clone.folder, typed.split(' '))
    await expect(typing).rejects.toMatchObject({ code: 2, stderr: expect.stringContaining(`\n\n  ${expected}\n`) })
  })

  test('names the clone in what to type if the user stands elsewhere', async () => {
    const typing = npm(clone.project, ['--prefix', clone.folder, 'start', '--list'])
    const expected = `\n  npm --prefix ${clone.folder}/ start -- --list\n`
    await expect(typing).rejects.toMatchObject({ code: 2, stderr: expect.stringContaining(expected) })
  })
})
