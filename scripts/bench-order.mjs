// npm run bench:order: how many tokens sessions of the real Claude Code share, in each order of the prompt.
import { claudeCode } from './claude-code.mjs'
import { run, script, setup } from './setup.mjs'
import { fetchTokenizer } from './tokenizer-files.mjs'

await script(async (args) => {
  await setup()
  for (const name of ['gemma3', 'llama3_1', 'mistral_nemo']) await fetchTokenizer(name)
  const isGiven = args.some((arg) => /^--(claude|from|help)(=|$)/.test(arg))
  const claude = isGiven ? [] : ['--claude', await claudeCode()]
  return run(process.execPath, ['bench/prompt-order.mjs', ...claude, ...args])
})
