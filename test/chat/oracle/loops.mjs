// Texts that should repeat themselves, because they are made so or were asked for, through real vocabularies: the loop guard
// takes none for a loop.
// node test/chat/oracle/loops.mjs TOKENIZER.json...
import { dirname } from 'node:path'
import { loadBinding } from '../../../dist/binding.js'
import { loadTokenizer } from '../../../dist/chat/tokenizer/load.js'
import { askedRepetition } from '../../../dist/turn/asked-repetition.js'
import { ASKED } from '../../support/repetition-requests.mjs'
import { repetitiveTexts } from '../../support/repetitive-texts.mjs'

const { loopAt } = loadBinding()
const texts = [
  ...Object.entries(repetitiveTexts()),
  ...ASKED.map(([request, text]) => [request, text, askedRepetition(request)]),
]
let loops = 0
for (const file of process.argv.slice(2)) {
  const tokenizer = await loadTokenizer(dirname(file))
  for (const [name, text, asked] of texts) {
    const tokens = tokenizer.encode(text, { special: false })
    for (const inCall of [false, true]) {
      const at = loopAt(tokens, inCall, asked)
      if (at < 0) continue
      loops += 1
      console.log(
        `${file}: ${name}${inCall ? ' in a call' : ''} is taken for a loop at token ${at} of ${tokens.length}`,
      )
    }
  }
}
console.log(`${loops} of ${texts.length} texts are taken for a loop`)
process.exitCode = loops > 0 ? 1 : 0
