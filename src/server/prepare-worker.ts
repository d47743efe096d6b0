/** The thread that turns large requests into token ids, so that the one that answers is free meanwhile. */
import { parentPort, workerData } from 'node:worker_threads'
import * as anthropic from '../anthropic/prepare.js'
import { toFault } from '../errors.js'
import { openPrompter } from '../model/prompter.js'
import * as chat from '../openai/chat/prepare.js'
import * as completions from '../openai/completions/prepare.js'
import * as responses from '../openai/responses/prepare.js'
import { checkRoom } from '../turn/answer-turn.js'
import { handedOver, isPosted, toPosted } from '../turn/posted-turn.js'
import type { Prompter, PrompterSource } from '../turn/types.js'
import { joined } from './blocks.js'
import type { FromWorker, Outcome, Result, Task, ToWorker } from './preparing.js'

/** The protocols by their names. */
const protocols = { anthropic, chat, completions, responses }

const opening = openPrompter(workerData as PrompterSource)
const opened = () => parentPort?.postMessage('opened' satisfies FromWorker)
opening.then(opened, opened)

parentPort?.on('message', async (message: ToWorker) => {
  if ('remember' in message) {
    const { memory } = await opening
    memory.remember(message.remember)
    return
  }
  const { body, ...task } = message
  const outcome = await perform(task, body)
  const moved = 'result' in outcome && isPosted(outcome.result) ? handedOver(outcome.result) : []
  parentPort?.postMessage(outcome, [...moved, ...body.map(({ buffer }) => buffer as ArrayBuffer)])
})

async function perform(task: Task, body: Uint8Array[]): Promise<Outcome> {
  try {
    return { result: run(await opening, task, body.length === 1 ? (body[0] as Uint8Array) : joined(body)), body }
  } catch (error) {
    const { code, message, field } = toFault(error)
    return { fault: { code, message, field }, body }
  }
}

function run(prompter: Prompter, { protocol, kind, options }: Task, body: Uint8Array): Result {
  const { prepareBody, checkBody } = protocols[protocol]
  if (kind === 'count') return anthropic.countBody(prompter, body, options)
  if (kind === 'check') {
    checkBody(body, options)
    return undefined
  }
  const turn = prepareBody(prompter, body, options)
  // An error is posted faster than a prompt that nobody can answer.
  checkRoom(turn.tokens.length, prompter.window)
  return toPosted(turn)
}
