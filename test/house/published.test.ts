/** The tables of public checkpoints in docs/models.md say what the rows of their test say. */
import { expect, it } from 'vitest'
import { CONFIGS } from '../support/published/configs.js'
import { readRows, tableOfLoaded, tableOfRefused } from '../support/published/rows.js'
import { FOREIGN, STORED } from '../support/published/storage.js'
import { TEMPLATES } from '../support/published/templates.js'
import { read } from './tree.js'

const rows = readRows()
const page = read('docs/models.md')

it('the tables of docs/models.md have every checkpoint of test/fixtures/published/checkpoints.jsonl', () => {
  expect(page).toContain(`\n${tableOfLoaded(rows)}\n`)
  expect(page).toContain(`\n${tableOfRefused(rows)}\n`)
})

it('there are at least 100 checkpoints that are loaded, each once, and docs/models.md says how many', () => {
  expect(new Set(rows.map(({ name }) => name)).size).toBe(rows.length)
  const loaded = rows.filter(({ refused }) => refused === undefined)
  expect(loaded.length).toBeGreaterThanOrEqual(100)
  expect(page).toContain(`${loaded.length} public checkpoints`)
})

it('no spelling, storage or template is there for nothing', () => {
  const used = (key: 'config' | 'stored' | 'template') => new Set<string>(rows.map((row) => row[key]))
  expect([...used('config')].sort()).toEqual(Object.keys(CONFIGS).sort())
  expect([...used('template')].sort()).toEqual(Object.keys(TEMPLATES).sort())
  expect([...used('stored')].sort()).toEqual([...Object.keys(STORED), ...FOREIGN].sort())
})
