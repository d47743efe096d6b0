/** A checkpoint in which a file is a pipe, a device or a folder is refused at once, with the file's name. */
import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { openPrompter } from '../../src/model/prompter.js'

const demo = join(import.meta.dirname, '..', '..', 'demo', 'model')

/** The demo model with this file replaced. */
function withOdd(name: string, make: (path: string) => void): string {
  const folder = mkdtempSync(join(tmpdir(), 'tether-odd-files-test-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  for (const file of readdirSync(demo)) if (file !== name) symlinkSync(join(demo, file), join(folder, file))
  make(join(folder, name))
  return folder
}

const kinds: Record<string, (path: string) => void> = {
  'a pipe': (path) => execFileSync('mkfifo', [path]),
  'a device without an end': (path) => symlinkSync('/dev/zero', path),
  'a folder': (path) => mkdirSync(path),
}
const names = ['config.json', 'tokenizer.json', 'model.safetensors', 'chat_template.jinja', 'generation_config.json']
const cases = names.flatMap((name) => Object.keys(kinds).map((kind) => [name, kind] as const))

test.each(cases)(
  '%s that is %s',
  async (name, kind) => {
    const path = withOdd(name, kinds[kind] as (path: string) => void)
    const source = { path, promptOrder: 'auto', thinking: 'auto', window: 1000 } as const
    // A broken generation_config.json is only a warning.
    const opened = await openPrompter(source).catch((error: unknown) => error)
    if (name === 'generation_config.json') expect(opened).toHaveProperty('tokenizer')
    else expect(opened).toMatchObject({ name: 'TetherError', message: expect.stringContaining(name) })
  },
  10_000,
)
