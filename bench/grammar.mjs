// npm run bench:grammar [-- RECORDING] [--model FOLDER]: compiling the tools of a request over a vocabulary of 262k, the masks
// of its calls, and decoding with a grammar beside decoding without (the demo, or the checkpoint in FOLDER).
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { loadBinding } from '../dist/binding.js'
import { FORMATS } from '../dist/chat/families.js'
import { heldSchema } from '../dist/chat/grammar/held-schema.js'
import { fitting, sourceOf } from '../dist/chat/grammar/rule.js'
import { grammarVocabulary } from '../dist/chat/grammar/vocabulary.js'
import { loadTokenizer } from '../dist/chat/tokenizer/load.js'
import { loadEngine } from '../dist/engine/load.js'
import { plainSampling } from '../dist/options.js'
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
  const own = tools.map(({ name, input_schema }) => ({
    name,
    description: '',
    schema: heldSchema(input_schema).schema,
  }))
  return Array.from({ length: Math.max(WANTED, own.length) }, (_, i) => {
    const tool = own[i % own.length]
    return i < own.length ? tool : renamed(tool, i)
  })
}

/** Nothing of it but the kinds of its values is known from the tool. */
function renamed({ name, schema, ...others }, suffix) {
  const { properties = {}, required = [] } = schema
  const entries = Object.entries(properties).map(([key, value]) => [`${key}_${suffix}`, value])
  const other = {
    ...schema,
    properties: Object.fromEntries(entries),
    required: required.map((key) => `${key}_${suffix}`),
  }
  return { ...others, name: `${name}_${suffix}`, schema: other }
}

/** Pairs in one run: the same prompt, greedy, free and as a JSON text that stays open. */
async function decoding(folder) {
  const engine = await loadEngine(folder, { diskCache: 0 })
  try {
    const tokenizer = await loadTokenizer(folder)
    const stopTokens = new Int32Array(0)
    engine.setVocabulary(await grammarVocabulary(tokenizer, { size: engine.info.vocabSize, stopTokens }))
    const prompt = tokenizer.encode('The history of the town begins with a bridge over the river. '.repeat(8), {
      special: false,
    })
    const source = sourceOf(fitting({ type: 'string' }))
    const grammar = {
      source,
      fromStart: true,
      begun: '"',
      required: true,
      toEnd: false,
      afterTokens: stopTokens,
      afterTexts: [],
    }
    const speed = async (held) => {
      const request = { prompt, maxTokens: 160, ...plainSampling, temperature: 0, stopTokens }
      for await (const { finish } of engine.generate(held ? { ...request, grammar } : request)) {
        if (!finish) continue
        if (held && finish.constrained.tokens < 100) console.log(`  only ${finish.constrained.tokens} tokens were held`)
        return (finish.outputTokens - 1) / finish.decodeSeconds
      }
    }
    await speed(true)
    const pairs = []
    for (let i = 0; i < 15; i++) {
      const [first, second] = [await speed(i % 2 === 0), await speed(i % 2 === 1)]
      const [held, free] = i % 2 === 0 ? [first, second] : [second, first]
      pairs.push({ held, free, ratio: held / free })
    }
    const of = (key) => median(pairs.map((pair) => pair[key]))
    console.log(
      `decoding of ${folder}: ${of('free').toFixed(1)} tokens/s free, ${of('held').toFixed(1)} held, ratio ${of('ratio').toFixed(3)} (medians of ${pairs.length} pairs)`,
    )
  } finally {
    await engine.close()
  }
}

const { values, positionals } = parseArgs({
  options: { model: { type: 'string', default: 'demo/model' }, help: { type: 'boolean' } },
  allowPositionals: true,
})
if (values.help) {
  console.log(`npm run bench:grammar -- [RECORDING] [options]
  RECORDING            requests, one a line: the tools of the first one (default: made up)
  --model demo/model   the checkpoint that is decoded`)
  process.exit()
}
const scratch = mkdtempSync(join(tmpdir(), 'tether-bench-grammar-'))
try {
  writeFileSync(join(scratch, 'tokenizer.json'), JSON.stringify(gemma4Vocabulary(tokenizerFile('gemma3'))))
  const tokenizer = await loadTokenizer(scratch)
  const tools = toolsOf(positionals[0])
  console.log(`${tools.length} tools, ${JSON.stringify(tools).length} bytes, ${tokenizer.vocabSize} tokens`)
  const text = `const greeting = 'grüß dich'\nfor (let i = 0; i < 10; i++) console.log(greeting, i, "x < y")\n`.repeat(
    10,
  )
  for (const format of ['gemma4', 'llama3']) {
    const { calls } = FORMATS[format]
    const vocabulary = await timed(() =>
      grammarVocabulary(tokenizer, {
        size: tokenizer.vocabSize,
        stopTokens: Int32Array.of(1),
        quote: calls.quote,
      }),
    )
    const engine = new (loadBinding().Engine)()
    engine.setVocabulary(vocabulary.result)
    const ids = { id: (control) => tokenizer.id(control), parallel: true }
    const sourceFor = (some) => sourceOf(calls.rule(some, ids))
    const first = await timed(() => engine.compileGrammar(sourceFor(tools.slice(0, 1))).missing)
    const all = await timed(() => engine.compileGrammar(sourceFor(tools)).missing)
    const again = await timed(() => engine.compileGrammar(sourceFor(tools)).missing)
    const other = await timed(
      () => engine.compileGrammar(sourceFor(tools.map((tool) => renamed(tool, 'other')))).missing,
    )
    const { name, schema } = tools.find((tool) => tool.name === 'Bash') ?? tools[0]
    const key = schema.required[0]
    const call =
      format === 'gemma4'
        ? [`call:${name}{${key}:`, { control: '<|"|>' }, text, { control: '<|"|>' }, '}', { control: '<tool_call|>' }]
        : [`{"name": ${JSON.stringify(name)}, "parameters": {${JSON.stringify(key)}: ${JSON.stringify(text)}}}`]
    const tokens = tokenizer.encodePrompt(call)
    const masks = [...(await engine.maskSeconds(sourceFor(tools), tokens))].sort((a, b) => a - b)
    console.log(
      `${format}: vocabulary ${ms(vocabulary.seconds)}, the first grammar with its trie ${ms(first.seconds)}, all tools ${ms(all.seconds)} (${ms(all.cpuSeconds)} of processors), again ${ms(again.seconds)}, other tools after them ${ms(other.seconds)} (${ms(other.cpuSeconds)})`,
    )
    console.log(
      `  masks of ${masks.length} of ${tokens.length} tokens: median ${(median(masks) * 1e6).toFixed(1)} us, 99% ${(masks[Math.floor(masks.length * 0.99)] * 1e6).toFixed(1)} us, most ${(masks.at(-1) * 1e6).toFixed(1)} us`,
    )
    engine.close()
  }
} finally {
  rmSync(scratch, { recursive: true, force: true })
}
await decoding(values.model)
