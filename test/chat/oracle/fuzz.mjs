// Compares tether's tokenizers with PyPI `tokenizers` on random and real texts, and prints where they differ.
// Run through `npm run test:tokenizers`.
import { spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { createInterface } from 'node:readline'
import { parseArgs } from 'node:util'
import { crc32 } from 'node:zlib'
import { loadTokenizer } from '../../../dist/chat/tokenizer/load.js'
import { longTexts, readCorpus, seeded, textMaker } from './fuzz-texts.mjs'

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    python: { type: 'string', default: process.env.TETHER_ORACLE_PYTHON },
    texts: { type: 'string', default: '130000' },
    seed: { type: 'string', default: '1' },
    corpus: { type: 'string', multiple: true, default: ['src', 'native', 'node_modules'] },
  },
})
const BATCH = 2000
const corpus = readCorpus(values.corpus)
const scratch = mkdtempSync(join(tmpdir(), 'tether-fuzz-'))
const totals = { texts: 0, characters: 0, tokens: 0, decoded: 0, different: 0 }

try {
  for (const file of positionals) await fuzz(file, { seed: Number(values.seed), texts: Number(values.texts) })
} finally {
  rmSync(scratch, { recursive: true })
}
console.log(`all: ${line(totals)}`)
process.exitCode = totals.different === 0 && totals.texts > 0 ? 0 : 1

async function fuzz(file, { seed, texts }) {
  const counts = { texts: 0, characters: 0, tokens: 0, decoded: 0, different: 0 }
  const tokenizer = await loadTokenizer(dirname(file), { cache: false })
  const json = JSON.parse(readFileSync(file, 'utf8'))
  const random = seeded(seed)
  const ids = Array.from({ length: 20_000 }, () => random.below(tokenizer.vocabSize))
  const vocabulary = ids.map((id) => tokenizer.decode([id])).filter((text) => text !== '')
  const markers = [
    ...json.added_tokens.map(({ content }) => content).slice(0, 400),
    '<start_of_turn>',
    '<|eot_id|>',
    '[INST]',
    '<',
  ]
  const make = textMaker(random, { corpus, vocabulary, markers })
  const oracle = ask(file)
  const plainOracle = ask(withoutControls(json, tokenizer))

  const { prefix } = await oracle.begun
  if (`${tokenizer.prefix}` !== `${prefix}`) {
    counts.different += 1
    console.log(`the prefix is ${tokenizer.prefix} instead of ${prefix}`)
  }

  for (let left = texts; left > 0; left -= BATCH) {
    const batch = Array.from({ length: Math.min(BATCH, left) }, make)
    await compareTexts(batch, { tokenizer, oracle, special: true, counts })
    // A tenth also as plain text, compared with a file without control tokens.
    await compareTexts(batch.slice(0, BATCH / 10), { tokenizer, oracle: plainOracle, special: false, counts })
    await compareTokens(batch, { tokenizer, oracle, random, counts })
  }
  for (const text of longTexts(random, { corpus }))
    await compareTexts([text], { tokenizer, oracle, special: true, counts })
  oracle.end()
  plainOracle.end()
  for (const key of Object.keys(totals)) totals[key] += counts[key]
  console.log(`${file}: ${line(counts)}`)
}

function line({ texts, characters, tokens, decoded, different }) {
  return `${texts} texts of ${characters} characters, ${tokens} tokens; ${decoded} lists decoded, also token by token; ${different} differences`
}

async function compareTexts(texts, { tokenizer, oracle, special, counts }) {
  const { texts: sums } = await oracle.ask({ texts, tokens: [] })
  for (const [i, text] of texts.entries()) {
    const ids = tokenizer.encode(text, { special })
    counts.texts += 1
    counts.characters += text.length
    counts.tokens += ids.length
    let same = crc32(new Uint8Array(ids.buffer, ids.byteOffset, ids.byteLength)) === sums[i]
    // The memory of prompts must give the same ids.
    if (same && !special) same = `${tokenizer.encodePrompt([text])}` === `${ids}`
    if (same) continue
    counts.different += 1
    if (counts.different > 20) continue
    const { ids: right } = await oracle.ask({ texts: [text], tokens: [], full: true })
    const at = right[0].findIndex((id, j) => id !== ids[j])
    console.log(`encode, special ${special}: ${JSON.stringify(text.slice(0, 300))}`)
    console.log(
      `  from ${at}: ${ids.slice(Math.max(0, at - 3), at + 8)} and not ${right[0].slice(Math.max(0, at - 3), at + 8)}`,
    )
  }
}

/** Token lists as texts give them, damaged, and of random ids. */
async function compareTokens(texts, { tokenizer, oracle, random, counts }) {
  const lists = texts.slice(0, BATCH / 4).map((text) => {
    const ids = [...tokenizer.encode(text, { special: true })]
    if (random.chance(0.5)) ids.splice(random.below(ids.length + 1), random.below(3), random.below(tokenizer.vocabSize))
    return ids
  })
  for (let i = 0; i < BATCH / 4; i += 1) {
    const most = random.pick([40, 300, 600, tokenizer.vocabSize])
    lists.push(Array.from({ length: random.below(14) }, () => random.below(Math.min(most, tokenizer.vocabSize))))
  }
  const { tokens: sums } = await oracle.ask({ texts: [], tokens: lists })
  for (const [i, list] of lists.entries()) {
    counts.decoded += 1
    const stream = tokenizer.stream()
    const pieces = [...list.flatMap((id) => stream.push([id])), ...stream.end()]
    const streamed = pieces.map((piece) => (typeof piece === 'string' ? piece : piece.control)).join('')
    const whole = tokenizer.decode(list)
    if (crc32(whole) === sums[i] && streamed === whole) continue
    counts.different += 1
    if (counts.different > 20) continue
    const { decoded } = await oracle.ask({ texts: [], tokens: [list], full: true })
    console.log(
      `decode ${list}: ${JSON.stringify(whole)}, streamed ${JSON.stringify(streamed)}, and not ${JSON.stringify(decoded[0])}`,
    )
  }
}

/** The same tokenizer to which control tokens are nothing: not added, and under names that no text has. */
function withoutControls(json, tokenizer) {
  const controls = new Set(
    json.added_tokens.map(({ content }) => content).filter((token) => tokenizer.control(tokenizer.id(token))),
  )
  const name = (token) => (controls.has(token) ? `\u{10fffd}${token}\u{10fffd}` : token)
  // No unknown token can be named so: it stays, as no text gives it here.
  const keep = new Set([json.model.unk_token])
  const vocab = Object.fromEntries(
    Object.entries(json.model.vocab).map(([token, id]) => [keep.has(token) ? token : name(token), id]),
  )
  const merges = json.model.merges.filter((merge) => {
    const result = typeof merge === 'string' ? merge.replace(' ', '') : merge.join('')
    return !controls.has(result)
  })
  const added = json.added_tokens.filter(({ content }) => !controls.has(content))
  const path = join(scratch, `${totals.texts}.json`)
  writeFileSync(
    path,
    JSON.stringify({ ...json, post_processor: null, added_tokens: added, model: { ...json.model, vocab, merges } }),
  )
  return path
}

/** A Python process that answers line by line. */
function ask(file) {
  const child = spawn(values.python, ['test/chat/oracle/fuzz_oracle.py'], { stdio: ['pipe', 'pipe', 'inherit'] })
  const waiting = []
  createInterface({ input: child.stdout }).on('line', (answer) => waiting.shift().resolve(JSON.parse(answer)))
  child.on('exit', (code) => {
    for (const { reject } of waiting) reject(new Error(`the oracle ended with ${code}`))
  })
  const send = (question) =>
    new Promise((resolve, reject) => {
      waiting.push({ resolve, reject })
      child.stdin.write(`${JSON.stringify(question)}\n`)
    })
  return {
    begun: send({ file }),
    ask: send,
    end: () => child.stdin.end(),
  }
}
