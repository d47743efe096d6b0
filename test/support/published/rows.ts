/** The public checkpoints that tether is tried with, one a row of test/fixtures/published/checkpoints.jsonl. */
import { readFileSync } from 'node:fs'
import type { ConfigName } from './configs.js'
import { shapeOf } from './configs.js'
import type { StorageName } from './storage.js'
import { type TemplateName, templateOf } from './templates.js'
import type { TokenizerKind } from './tokenizers.js'

/** Where a checkpoint keeps its chat template. */
export type TemplatePlace = 'tokenizer_config.json' | 'named' | 'chat_template.jinja' | 'chat_template.json'

export interface Row {
  name: string
  config: ConfigName
  stored: StorageName
  tokenizer: TokenizerKind
  template: TemplateName
  /** Unset without a template. */
  in?: TemplatePlace
  /** Words of the reason that tether gives for not loading it. */
  refused?: string
}

export function readRows(): Row[] {
  const lines = readFileSync('test/fixtures/published/checkpoints.jsonl', 'utf8').trim().split('\n')
  return lines.map((line) => JSON.parse(line))
}

/** The rows that are loaded, as docs/models.md shows them. */
export function tableOfLoaded(rows: Row[]): string {
  const heads = ['checkpoint', 'config.json and weights', 'tokenizer', 'chat template', 'tool calls as']
  const cells = rows.filter(({ refused }) => refused === undefined).map((row) => [row.name, ...describe(row)])
  return table([heads, ...cells])
}

/** The others, with the reason. */
export function tableOfRefused(rows: Row[]): string {
  const cells = rows.flatMap(({ name, refused }) => (refused === undefined ? [] : [[name, refused]]))
  return table([['checkpoint', 'tether says'], ...cells])
}

function describe({ config, stored, tokenizer, template, in: place }: Row): string[] {
  const { calls } = templateOf(template)
  const shape = `${config.replace(/,.*/, '')}: ${shapeOf(config).about}; ${stored}`
  if (place === undefined) return [shape, tokenizer, 'none', 'no chat: it has no template']
  const from = place === 'named' ? 'two in tokenizer_config.json' : place
  return [shape, tokenizer, `${template}; ${from}`, calls === 'taught' ? 'taught' : `\`${calls}\``]
}

function table(rows: string[][]): string {
  const cells = rows.map((row) => row.map((cell) => cell.replaceAll('|', '\\|')))
  const widths = (cells[0] as string[]).map((_, i) => Math.max(...cells.map((row) => (row[i] as string).length)))
  const lines = cells.map((row) => `| ${row.map((cell, i) => cell.padEnd(widths[i] as number)).join(' | ')} |`)
  const rule = `| ${widths.map((width) => '-'.repeat(width)).join(' | ')} |`
  return [lines[0], rule, ...lines.slice(1)].join('\n')
}
