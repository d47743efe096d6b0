/** The grammars of a loaded model: its vocabulary is handed over at the first, and what failed is not tried again. */
import { grammarVocabulary } from '../chat/grammar/vocabulary.js'
import type { ChatFamily, Tokenizer } from '../chat/types.js'
import type { Engine } from '../engine/types.js'
import type { Constrain } from '../options.js'
import type { Grammars } from '../turn/types.js'

interface Parts {
  engine: Pick<Engine, 'info' | 'setVocabulary' | 'compileGrammar'>
  tokenizer: Pick<Tokenizer, 'bytes' | 'id'>
  family: Pick<ChatFamily, 'calls'>
  stopTokens: Int32Array
  constrain: Constrain
}

// A client has one list of tools, or a few.
const MOST_FAILED = 64
// Beyond, a client sends ever new schemas, and the log would only repeat itself.
const MOST_TOLD = 256

export function openGrammars({ engine, tokenizer, family, stopTokens, constrain }: Parts): Grammars {
  let prepared: Promise<void> | undefined
  const failed = new Map<string, string>()
  const told = new Set<string>()
  return {
    constrain,
    prepare() {
      prepared ??= setVocabulary()
      return prepared
    },
    compile: (source, signal) => engine.compileGrammar(source, signal),
    failureOf: (source) => failed.get(source),
    noteFailure(source, reason) {
      failed.set(source, reason)
      const [oldest] = failed.keys()
      if (failed.size > MOST_FAILED && oldest !== undefined) failed.delete(oldest)
    },
    isNews(reason) {
      if (told.size >= MOST_TOLD) return false
      const isNew = !told.has(reason)
      told.add(reason)
      return isNew
    },
  }

  async function setVocabulary(): Promise<void> {
    const size = engine.info.vocabSize
    engine.setVocabulary(await grammarVocabulary(tokenizer, { size, stopTokens, quote: family.calls?.quote }))
  }
}
