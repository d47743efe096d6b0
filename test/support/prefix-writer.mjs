// A program for tests that kill it: it answers random prompts, on and on, and keeps what it computes on disk. Each answer
// is a line of JSON.
import { loadEngine } from '../../dist/engine/load.js'
import { plainSampling } from '../../dist/options.js'
import { seeded } from './random.mjs'

const { folder, seed, ...options } = JSON.parse(process.argv[2])
const random = seeded(seed)
const engine = await loadEngine(folder, options)
const { vocabSize } = engine.info
const some = (count) => Array.from({ length: count }, () => random.below(vocabSize))
// The same for all of these programs.
const shared = Array.from({ length: 3 }, (_, i) => Array.from({ length: 300 }, (_, j) => (i * 31 + j * 7) % vocabSize))

/** Cut anywhere, so that prompts part within blocks too. */
const beginning = () => random.pick(shared).slice(0, 100 + random.below(201))
const conversations = Array.from({ length: 4 }, () => [...beginning(), ...some(200)])

async function answer(prompt) {
  const tokens = []
  const request = { ...plainSampling, temperature: 0, prompt: Int32Array.from(prompt), stopTokens: new Int32Array(0) }
  for await (const batch of engine.generate({ ...request, maxTokens: 4 })) tokens.push(...batch.tokens)
  process.stdout.write(`${JSON.stringify({ prompt, tokens })}\n`)
  return tokens
}

process.stdout.write('{}\n')
while (true) {
  const turns = Array.from({ length: 1 + random.below(2) }, () => random.below(conversations.length))
  await Promise.all(
    turns.map(async (at) => {
      const prompt = conversations[at]
      const tokens = await answer(prompt)
      const isOver = prompt.length > 1200
      conversations[at] = isOver ? [...beginning(), ...some(200)] : [...prompt, ...tokens, ...some(80)]
    }),
  )
}
