/** `tether __complete SHELL WORD…`: what the scripts of `tether completion` offer. Loads as little as it can: it runs at each Tab. */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expandHome } from '../../models/expand-home.js'
import { defaultModelsDir } from '../../models/models-dir.js'
import { configFolder } from '../config/read-config.js'
import { type Candidates, candidates } from './candidates.js'
import { joinBroken, quoteAs, unquote } from './shell-words.js'

/**
 * -> a line that says which paths to offer too (`none`, `files` or `folders`), then a line for each word: for fish and
 * zsh with a tab and what it means. bash gets words that it can insert as they are.
 */
export async function complete([shell = '', ...typed]: string[]): Promise<string> {
  if (shell !== 'bash') {
    const found = candidates(typed)
    // fish replaces the whole word, zsh only the value.
    const before = shell === 'fish' ? (found.before ?? '') : ''
    const words = await withModels(found, typed)
    return lines(
      found,
      words.map(([word, about = '']) => `${before}${oneLine(word)}\t${oneLine(about)}`),
    )
  }
  const { words: raw, kept } = joinBroken(typed)
  const words = raw.map((word) => unquote(word).text)
  const found = candidates(words)
  const { before = '' } = found
  const { text, open } = unquote(raw.at(-1) ?? '')
  const keep = unquote(kept).text
  const fitting = (await withModels(found, words))
    .map(([word]) => before + word)
    .filter((word) => word.startsWith(text) && word.startsWith(keep) && !/[\n\r]/.test(word))
  return lines(
    found,
    fitting.map((word) => quoteAs(open, word.slice(keep.length))),
  )
}

function lines({ paths }: Candidates, words: string[]): string {
  return `${[paths ?? 'none', ...words].join('\n')}\n`
}

function oneLine(text: string): string {
  return text.replace(/[\n\r\t]+/g, ' ')
}

async function withModels(found: Candidates, typed: string[]): Promise<Candidates['words']> {
  if (!found.models) return found.words
  const { knownModels } = await import('../../models/find-model.js')
  const names = knownModels({ modelsDir: await modelsDirOf(typed) }).map(({ name }): [string] => [name])
  return [...found.words, ...names]
}

/** The flag's, the files', else the usual one. TOML is parsed only where a file sets it. */
async function modelsDirOf(typed: string[]): Promise<string> {
  const at = typed.lastIndexOf('--models-dir')
  const given = at >= 0 ? typed[at + 1] : typed.find((word) => word.startsWith('--models-dir='))?.slice(13)
  if (given) return expandHome(given)
  if (!mentionsModelsDir()) return defaultModelsDir()
  const { readConfig } = await import('../config/read-config.js')
  return readConfig({}).then(
    ({ settings }) => settings.modelsDir,
    () => defaultModelsDir(),
  )
}

function mentionsModelsDir(): boolean {
  try {
    const files = readdirSync(configFolder()).filter((name) => name.endsWith('.toml'))
    return files.some((name) => /^[^#\n]*models_dir/m.test(readFileSync(join(configFolder(), name), 'utf8')))
  } catch {
    return false
  }
}
