/** `tether show` as a program: its lines in any width, its JSON, and what it says of models that do not run. */
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { useTether } from '../../support/cli-fixture.js'
import { writeModel } from '../../support/model-folders.js'

const tether = useTether()
const run = (...args: string[]) => tether.start(['show', ...args]).ended
const models = () => join(tether.place.home, '.tether', 'models')
const template = '{% for m in messages %}[{{ m.role }}]{{ m.content }}{% endfor %}'

function have(name: string): string {
  const path = writeModel(join(models(), name))
  writeFileSync(join(path, 'chat_template.jinja'), template)
  return path
}

describe('tether show', () => {
  test('has a line for each fact', async () => {
    have('org/llama')
    const { code, stdout } = await run('llama')
    expect(code).toBe(0)
    const lines = stdout.split('\n')
    expect(lines[0]).toBe('org/llama')
    for (const line of [
      '  folder      ~/.tether/models/org/llama',
      '  runs here   yes, with a window of 8k tokens',
      '  layers      4: 4 with full attention',
      '  heads       4, 2 for keys and values, of 16 numbers; 64 wide',
      '  template    chat_template.jinja; answers are read as taught',
      "  tool calls  begin with ```tool_call, as tether's prompt teaches it",
      '  drafter     none beside it',
    ])
      expect(lines).toContain(line)
  })

  test('--json has the same as data', async () => {
    const path = have('org/llama')
    const { stdout } = await run('llama', '--json')
    expect(JSON.parse(stdout)).toMatchObject({ name: 'org/llama', path, state: 'ok', family: 'llama', window: 8192 })
  })

  test('fits a terminal of 40 columns', async () => {
    have('org/llama')
    const terminal = tether.openUntilStatus(['show', 'llama'], { columns: 40 })
    await terminal.shows('status 0')
    const lines = terminal.screen()
    expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(40)
    // Wrapped by tether, not by the terminal: what goes on is below where it began.
    expect(lines.filter((line) => /^ {14}\S/.test(line)).length).toBeGreaterThan(3)
  })

  test('says why a model does not run', async () => {
    const path = have('llama')
    writeFileSync(join(path, 'config.json'), '{"model_type": "mixtral"}')
    expect((await run('llama')).stdout).toMatch(/\n {2}runs here {3}no: mixtral models are not supported/)
    mkdirSync(join(models(), 'adapter'))
    writeFileSync(join(models(), 'adapter', 'adapter_config.json'), '{"base_model_name_or_path": "org/base"}')
    expect((await run('adapter')).stdout).toMatch(/no: a LoRA adapter[^\n]*\n {2}changes {5}org\/base\n/)
  })

  test('says what fits into the memory that is given', async () => {
    have('llama')
    const cap = process.platform === 'darwin' ? '2750KB' : '5500KB'
    expect((await run('llama', '--memory-cap', cap)).stdout).toContain(
      'yes, with a window of 4k tokens, the longest that',
    )
    expect((await run('llama', '--memory-cap', '100KB')).stdout).toContain('no: weights and a window of 4096 tokens')
  })

  test('writes no control character of a file', async () => {
    const path = have('llama')
    writeFileSync(join(path, 'LICENSE'), 'My\u001b[2J license')
    writeFileSync(join(path, 'a\u001b[31mb'), '')
    const { stdout } = await run('llama')
    expect(stdout).toContain('My\\x1b[2J license')
    expect(stdout).not.toContain('\u001b')
  })

  test('of a name that is not there says how to get it', async () => {
    const { code, stdout, stderr } = await run('org/none')
    expect([code, stdout]).toEqual([1, ''])
    expect(stderr).toContain('no model named org/none')
  })
})
