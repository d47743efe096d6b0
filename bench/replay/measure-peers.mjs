// The same conversation with each program in turn: each turn's first token, the whole, and the next turn after a restart.
import { join } from 'node:path'
import { median } from '../numbers.mjs'
import { sendMessages } from './client.mjs'
import { asPlainText, conversation } from './conversations.mjs'
import { peers } from './peers.mjs'

/** Seconds that a program has to write what it keeps before it is killed. */
const IDLE = 3

export async function measurePeers({ tether, scratch, model, peerOptions, rounds, turns, size }) {
  const { programs, absent } = peers({ model, ...peerOptions })
  for (const sentence of absent) console.log(`not measured: ${sentence}`)
  const all = { tether: { start: (home) => tether(home, { model }), send: sendMessages }, ...programs }
  const results = Object.fromEntries(Object.keys(all).map((name) => [name, []]))
  for (let round = 0; round < rounds; round++) {
    const names = Object.keys(all)
    for (const name of round % 2 ? names.reverse() : names) {
      const result = await measure(all[name], {
        home: join(scratch, `${name} ${round}`),
        turns,
        size,
        seed: 800 + round,
      })
      results[name].push(result)
      const { first, later, whole, again, tokens } = result
      console.log(
        `${name}, ${tokens} tokens: first ${ms(first)}, later ${ms(later)}, whole ${ms(whole)}, after a restart ${ms(again)}`,
      )
    }
  }
  report(results)
}

async function measure({ start, send }, { home, turns, size, seed }) {
  const talk = conversation({ ...size, seed, longest: 16 })
  const server = await start(home)
  // What is compiled and loaded at the first request is not measured.
  await send(server.url, {
    model: 'bench',
    system: 'Be brief.',
    messages: [{ role: 'user', content: 'Hello' }],
    max_tokens: 1,
    temperature: 0,
  })
  const began = performance.now()
  const delays = []
  for (let turn = 0; turn < turns; turn++) {
    const { first, content } = await send(server.url, asPlainText(talk.next()))
    delays.push(first)
    // The same for all programs: an answer in half precision may differ.
    talk.answered(content.slice(0, 1).map(({ text }) => ({ type: 'text', text: text ?? '' })))
  }
  const whole = performance.now() - began
  await new Promise((resolve) => setTimeout(resolve, 1000 * IDLE))
  await server.kill()
  const other = await start(home)
  const { first: again, usage } = await send(other.url, { ...asPlainText(talk.next()), max_tokens: 1 })
  await other.kill()
  const [first, ...later] = delays
  const tokens =
    usage.prompt_tokens ??
    usage.input_tokens + (usage.cache_read_input_tokens ?? 0) + (usage.cache_creation_input_tokens ?? 0)
  return { first, later: median(later), whole, again, tokens }
}

function report({ tether, ...others }) {
  for (const [name, theirs] of Object.entries(others)) {
    const ratio = (what) => `${median(tether.map((own, round) => own[what] / theirs[round][what])).toFixed(3)}x`
    console.log(
      `tether's time beside ${name}: first ${ratio('first')}, later ${ratio('later')}, whole ${ratio('whole')}, after a restart ${ratio('again')}`,
    )
  }
}

const ms = (time) => `${time.toFixed(0)} ms`
