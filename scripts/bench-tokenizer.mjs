// npm run bench:tokenizer: loading and encoding beside PyPI `tokenizers` and npm `@huggingface/tokenizers`.

import { run, script, setup } from './setup.mjs'
import { fetchTokenizer } from './tokenizer-files.mjs'

await script(async (args) => {
  await setup()
  for (const name of ['gemma3', 'llama3']) await fetchTokenizer(name)
  return run(process.execPath, ['bench/tokenizer.mjs', ...args])
})
