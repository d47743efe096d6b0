// npm run bench:grammar [-- RECORDING]: compiling the tools of a request over a vocabulary of 262k, and the masks of its calls.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { loadBinding } from '../dist/binding.js'
import { FORMATS } from '../dist/chat/families.js'
import { loosened } from '../dist/chat/grammar/bounds.js'
import { sourceOf } from '../dist/chat/grammar/rule.js'
import { grammarVocabulary } from '../dist/chat/grammar/vocabulary.js'
import { loadTokenizer } from '../dist/chat/tokenizer/load.js'
import { tokenizerFile } from '../scripts/tokenizer-files.mjs'
import { claudeCodeRequest } from '../test/support/claude-code-request.mjs'
import { gemma4Vocabulary } from './gemma4-vocabulary.mjs'
import { median } from './numbers.mjs'

const WANTED = 28

const ms = (seconds) => `${(seconds * 1000).toFixed(2)} ms`
const timed = async (work) => {
  const cpu = process.cpuUsage()
  const started = performance.now()
  const result = await work()
  const seconds = (performance.now() - started) / 1000
  const { user, system } = process.cpuUsage(cpu)
  return { result, seconds, cpuSeconds: (user + system) / 1e6 }
}

/** The tools of a recorded request, filled up to 28 with copies under other names. */
function toolsOf(recording) {
  const { tools } = recording
    ? JSON.parse(readFileSync(recording, 'utf8').split('\n')[0])
    : claudeCodeRequest('Hi', [], 1)
  const own = tools.map(({ name, input_schema }) => ({ name, description: '', schema: loosened(input_schema).schema }))
  return Array.from({ length: Math.max(WANTED, own.length) }, (_, i) => {
    const tool = own[i % own.length]
    return i < own.length ? tool : { ...tool, name: `${tool.name}_${i}` }
  })
}

const scratch = mkdtempSync(join(tmpdir(), 'tether-bench-grammar-'))
try {
  writeFileSync(join(scratch, 'tokenizer.json'), JSON.stringify(gemma4Vocabulary(tokenizerFile('gemma3'))))
  const tokenizer = await loadTokenizer(scratch)
  const tools = toolsOf(process.argv[2])
  console.log(`${tools.length} tools, ${JSON.stringify(tools).length} bytes, ${tokenizer.vocabSize} tokens`)
  const text = `const greeting = 'grüß dich'\nfor (let i = 0; i < 10; i++) console.log(greeting, i, "x < y")\n`.repeat(
    10,
  )
  for (const format of ['gemma4', 'llama3']) {
    const { calls } = FORMATS[format]
    const vocabulary = await timed(() =>
      grammarVocabulary(tokenizer, { size: tokenizer.vocabSize, quote: calls.quote }),
    )
    const engine = new (loadBinding().Engine)()
    engine.setVocabulary({ ...vocabulary.result, stopTokens: Int32Array.of(1) })
    const ids = { id: (control) => tokenizer.id(control), parallel: true }
    const sourceFor = (some) => sourceOf(calls.rule(some, ids))
    const first = await timed(() => engine.compileGrammar(sourceFor(tools.slice(0, 1))))
    const all = await timed(() => engine.compileGrammar(sourceFor(tools)))
    const again = await timed(() => engine.compileGrammar(sourceFor(tools)))
    const { name, schema } = tools.find((tool) => tool.name === 'Bash') ?? tools[0]
    const key = schema.required[0]
    const call =
      format === 'gemma4'
        ? [`call:${name}{${key}:`, { control: '<|"|>' }, text, { control: '<|"|>' }, '}', { control: '<tool_call|>' }]
        : [`{"name": ${JSON.stringify(name)}, "parameters": {${JSON.stringify(key)}: ${JSON.stringify(text)}}}`]
    const tokens = tokenizer.encodePrompt(call)
    const masks = [...(await engine.maskSeconds(sourceFor(tools), tokens))].sort((a, b) => a - b)
    console.log(
      `${format}: vocabulary ${ms(vocabulary.seconds)}, the first grammar with its trie ${ms(first.seconds)}, all tools ${ms(all.seconds)} (${ms(all.cpuSeconds)} of processors), again ${ms(again.seconds)}`,
    )
    console.log(
      `  masks of ${masks.length} of ${tokens.length} tokens: median ${(median(masks) * 1e6).toFixed(1)} us, 99% ${(masks[Math.floor(masks.length * 0.99)] * 1e6).toFixed(1)} us, most ${(masks.at(-1) * 1e6).toFixed(1)} us`,
    )
    engine.close()
  }
} finally {
  rmSync(scratch, { recursive: true, force: true })
}
