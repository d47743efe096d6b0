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

/** The rows as docs/models.md shows them. */
export function tableOf(rows: Row[]): string {
  const cells = rows.map(({ name, config, stored, tokenizer, template, in: place, refused }) => {
    const { about } = shapeOf(config)
    const type = config.replace(/,.*/, '')
    const head = [name, refused === undefined && about ? `${type}: ${about}` : type, stored]
    if (refused !== undefined) return [...head, '-', '-', 'not loaded']
    const { calls, family } = templateOf(template)
    const from = place === 'named' ? 'several in tokenizer_config.json' : place
    const calledAs = family === 'base' ? 'base model: no chat' : calls === 'taught' ? 'taught' : `\`${calls}\``
    return [...head, tokenizer, from ? `${template}, ${from}` : template, calledAs]
  })
  const heads = ['checkpoint', 'config.json', 'stored as', 'tokenizer', 'chat template', 'tool calls as']
  const widths = heads.map((head, i) => Math.max(head.length, ...cells.map((row) => (row[i] as string).length)))
  const line = (row: string[]) => `| ${row.map((cell, i) => cell.padEnd(widths[i] as number)).join(' | ')} |`
  const rule = `| ${widths.map((width) => '-'.repeat(width)).join(' | ')} |`
  return [line(heads), rule, ...cells.map(line)].join('\n')
}
