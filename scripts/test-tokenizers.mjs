// npm run test:tokenizers: a million texts through the real vocabularies, compared with PyPI `tokenizers`, and
// texts that repeat themselves past the loop guard.

import { run, SetupError, script, setup } from './setup.mjs'
import { fetchTokenizer, tokenizerNames } from './tokenizer-files.mjs'

await script(async (args) => {
  if (!process.env.TETHER_ORACLE_PYTHON && !args.includes('--python')) {
    throw new SetupError(
      'TETHER_ORACLE_PYTHON is not set. Set it to a Python that has `tokenizers`; see test/goldens/README.md.',
    )
  }
  await setup()
  const files = []
  for (const name of tokenizerNames) files.push(await fetchTokenizer(name))
  const loops = await run(process.execPath, ['test/chat/oracle/loops.mjs', ...files])
  return loops || run(process.execPath, ['test/chat/oracle/fuzz.mjs', ...args, ...files])
})
