/** The grammars of a loaded model: its vocabulary is handed over at the first, and of each it is remembered what came of it. */
import { createHash } from 'node:crypto'
import { grammarVocabulary } from '../chat/grammar/vocabulary.js'
import type { ChatFamily, Tokenizer } from '../chat/types.js'
import type { Engine } from '../engine/types.js'
import { messageOf, TetherError } from '../errors.js'
import type { Constrain } from '../options.js'
import type { Grammars } from '../turn/types.js'

interface Parts {
  engine: Pick<Engine, 'info' | 'setVocabulary' | 'compileGrammar'>
  tokenizer: Pick<Tokenizer, 'bytes' | 'id'>
  family: Pick<ChatFamily, 'calls'>
  stopTokens: Int32Array
  constrain: Constrain
}

// Tools that are relied on are compiled one by one as well, and the engine keeps fewer grammars than a request may have tools.
const MOST_KNOWN = 4096
// Beyond, a client sends ever new schemas, and the log would only repeat itself.
const MOST_TOLD = 256

/** What a source does not hold, or why it could not be compiled. */
type Outcome = { missing: string[] } | { fault: string }

export function openGrammars({ engine, tokenizer, family, stopTokens, constrain }: Parts): Grammars {
  let prepared: Promise<void> | undefined
  const known = new Map<string, Outcome>()
  const told = new Set<string>()
  return {
    constrain,
    prepare() {
      prepared ??= setVocabulary()
      return prepared
    },
    async compile(source, signal) {
      const key = digestOf(source)
      const outcome = known.get(key) ?? (await compiled(source, signal))
      // The last one used is kept longest.
      known.delete(key)
      known.set(key, outcome)
      const [oldest] = known.keys()
      if (known.size > MOST_KNOWN && oldest !== undefined) known.delete(oldest)
      if ('fault' in outcome) throw new TetherError('invalid_request', outcome.fault)
      return outcome.missing
    },
    hasFailed(source) {
      const outcome = known.get(digestOf(source))
      return outcome !== undefined && 'fault' in outcome
    },
    isNews(reason) {
      if (told.size >= MOST_TOLD) return false
      const isNew = !told.has(reason)
      told.add(reason)
      return isNew
    },
  }

  async function compiled(source: string, signal: AbortSignal | undefined): Promise<Outcome> {
    try {
      return { missing: await engine.compileGrammar(source, signal) }
    } catch (error) {
      if (error instanceof TetherError && error.code !== 'invalid_request') throw error
      return { fault: messageOf(error) }
    }
  }

  async function setVocabulary(): Promise<void> {
    const size = engine.info.vocabSize
    engine.setVocabulary(await grammarVocabulary(tokenizer, { size, stopTokens, quote: family.calls?.quote }))
  }
}

function digestOf(source: string): string {
  return createHash('sha256').update(source).digest('base64')
}
