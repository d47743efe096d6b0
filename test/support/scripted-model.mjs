// The demo model with a script instead of its own answers: prompts are really written, encoded, read and kept, and only the
// tokens of an answer are chosen by the prompt. A line of the user's says them, as test/support/play.ts writes it:
//   Play: [["Looking.",{"call":"Bash","input":{"command":"ls"}}],["Done."]]
// Each list is one answer. Which one comes next follows from the calls that the prompt has after that line.
import { setTimeout as sleep } from 'node:timers/promises'

/** -> the model, whose answers to prompts with a script are those of the script */
export function scripted(model) {
  const { engine } = model.turns
  let live = 0
  // Requests reach the engine through `turns` alone.
  model.turns.engine = {
    ...engine,
    async *generate(request, signal) {
      const answer = nextAnswer(model.tokenizer.decode(request.prompt))
      if (!answer) return yield* engine.generate(request, signal)
      live++
      try {
        yield* speak({ answer, tokenizer: model.tokenizer, engine, request, signal })
      } finally {
        live--
      }
    },
  }
  const stats = () => ({ ...engine.stats(), live: Math.max(live, engine.stats().live) })
  return { ...model, stats }
}

async function* speak({ answer, tokenizer, engine, request, signal }) {
  // The prompt is really read; the one token that the model generates for it is dropped.
  let finish
  for await (const batch of engine.generate({ ...request, maxTokens: 1 }, signal)) finish = batch.finish ?? finish
  if (finish.reason === 'cancelled') return yield end({ finish })
  let left = request.maxTokens
  for (const step of answer) {
    if (step.wait) await sleep(step.wait * 1000, undefined, { signal }).catch(() => {})
    const tokens = tokenizer.encode(written(step), { special: true }).slice(0, left)
    left -= tokens.length
    for (let at = 0; at < tokens.length && !signal?.aborted; at += 16) {
      yield { tokens: tokens.slice(at, at + 16) }
      if (step.pace) await sleep(step.pace * 1000, undefined, { signal }).catch(() => {})
    }
    if (signal?.aborted) return yield end({ finish, reason: 'cancelled' })
  }
  const outputTokens = request.maxTokens - left
  if (left === 0) return yield end({ finish, reason: 'length', outputTokens })
  yield end({ finish, reason: 'stop', outputTokens, stopToken: tokenizer.id('<turn|>') })
}

function end({ finish, ...more }) {
  return { tokens: new Int32Array(0), finish: { ...finish, ...more } }
}

/** The answer that the script has for this prompt; undefined: the prompt has no script. */
function nextAnswer(prompt) {
  const turns = prompt.split('<|turn>')
  const at = turns.findLastIndex((turn) => turn.startsWith('user\n') && /^Play: /m.test(turn))
  const compacts = /Respond with TEXT ONLY/.test(turns.at(-2))
  // Where the conversation is larger than the window, Claude Code leaves out its beginning.
  if (at < 0) return compacts ? summary([['The beginning is forgotten.']]) : undefined
  const script = JSON.parse(/^Play: (.*?)(?:<turn\|>|$)/m.exec(turns[at])[1])
  let calls = turns.slice(at).join('').split('<|tool_call>').length - 1
  const rest = [...script]
  while (rest.length > 1 && calls >= callsOf(rest[0])) calls -= callsOf(rest.shift())
  return compacts ? summary(rest) : rest[0]
}

/** What is left of the script is the summary of a conversation. */
function summary(rest) {
  return [`<summary>\nPlay: ${JSON.stringify(rest)}\n</summary>`]
}

function callsOf(answer) {
  return answer.filter((step) => step.call).length
}

/** A step as Gemma 4 writes it. */
function written(step) {
  if (typeof step === 'string') return step
  if (step.call) return `<|tool_call>call:${step.call}${value(step.input)}<tool_call|>`
  if (step.think) return `<|channel>thought\n${step.think}\n<channel|>`
  return step.text ?? ''
}

function value(of) {
  if (typeof of === 'string') return `<|"|>${of}<|"|>`
  if (Array.isArray(of)) return `[${of.map(value).join(',')}]`
  if (typeof of !== 'object' || of === null) return JSON.stringify(of)
  return `{${Object.entries(of).map(([key, one]) => `${key}:${value(one)}`)}}`
}
