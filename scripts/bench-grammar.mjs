// npm run bench:grammar: what it costs to hold calls to a grammar, over a vocabulary of 262k.
import { run, script, setup } from './setup.mjs'
import { fetchTokenizer } from './tokenizer-files.mjs'

await script(async (args) => {
  await setup()
  await fetchTokenizer('gemma3')
  return run(process.execPath, ['bench/grammar.mjs', ...args])
})
