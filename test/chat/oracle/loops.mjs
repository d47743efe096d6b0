// Texts that should repeat themselves, through real vocabularies: the loop guard takes none for a loop.
// node test/chat/oracle/loops.mjs TOKENIZER.json...
import { dirname } from 'node:path'
import { loadBinding } from '../../../dist/binding.js'
import { loadTokenizer } from '../../../dist/chat/tokenizer/load.js'
import { repetitiveTexts } from '../../support/repetitive-texts.mjs'

const { loopAt } = loadBinding()
let loops = 0
for (const file of process.argv.slice(2)) {
  const tokenizer = await loadTokenizer(dirname(file))
  for (const [name, text] of Object.entries(repetitiveTexts())) {
    const tokens = tokenizer.encode(text, { special: false })
    for (const inCall of [false, true]) {
      const at = loopAt(tokens, inCall)
      if (at < 0) continue
      loops += 1
      console.log(
        `${file}: ${name}${inCall ? ' in a call' : ''} is taken for a loop at token ${at} of ${tokens.length}`,
      )
    }
  }
}
console.log(`${loops} of ${Object.keys(repetitiveTexts()).length} texts are taken for a loop`)
process.exitCode = loops > 0 ? 1 : 0
