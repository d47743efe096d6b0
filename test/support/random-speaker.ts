/** Models of random weights with a tokenizer and a format: they answer anything, so what holds for them holds for all. */
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { FORMATS } from '../../src/chat/families.js'
import { loadTokenizer } from '../../src/chat/tokenizer/load.js'
import type { ChatFamily, OutputFormat } from '../../src/chat/types.js'
import { loadEngine } from '../../src/engine/load.js'
import type { Engine } from '../../src/engine/types.js'
import { openGrammars } from '../../src/model/grammars.js'
import { type Constrain, plainSampling } from '../../src/options.js'
import { answerTurn, type TurnOptions } from '../../src/turn/answer-turn.js'
import { prepareTurn } from '../../src/turn/prepare-turn.js'
import { createTurnMemory } from '../../src/turn/turn-memory.js'
import type { TurnModel, TurnPart, TurnRequest } from '../../src/turn/types.js'

export interface SpeakerKind {
  checkpoint: string
  tokenizer: string
  /** The control tokens of the tokenizer under other names. */
  renamed?: Record<string, string>
  format: string
  /** Its vocabulary is little more than bytes, so that texts without a bound hardly ever end. */
  hasLongTexts?: true
}

/** Each way to write calls, and each architecture. */
export const SPEAKERS: SpeakerKind[] = [
  { checkpoint: 'gemma4-a', tokenizer: 'gemma4-tiny', format: 'gemma4' },
  { checkpoint: 'llama-a', tokenizer: 'llama3-tiny', format: 'llama3' },
  {
    checkpoint: 'llama-a',
    tokenizer: 'llama3-tiny',
    renamed: { '<|python_tag|>': '[TOOL_CALLS]', '<|eot_id|>': '</s>', '<|reserved_special_token_0|>': '[ARGS]' },
    format: 'mistral',
  },
  { checkpoint: 'llama-a', tokenizer: 'llama3-tiny', format: 'hermes' },
  { checkpoint: 'gemma4-a', tokenizer: 'gemma4-tiny', format: 'gemma3' },
  { checkpoint: 'gemma3n-a', tokenizer: 'gemma4-tiny', format: 'gemma4', hasLongTexts: true },
  { checkpoint: 'gemma3-a', tokenizer: 'llama3-tiny', format: 'gemma3', hasLongTexts: true },
  { checkpoint: 'gemma2-a', tokenizer: 'llama3-tiny', format: 'gemma2', hasLongTexts: true },
  { checkpoint: 'mistral-a', tokenizer: 'mistral7b-tiny', format: 'hermes', hasLongTexts: true },
  { checkpoint: 'mistral-b', tokenizer: 'llama3-tiny', format: 'taught', hasLongTexts: true },
]

export interface Speaker {
  engine: Engine
  model: TurnModel
  /** A whole answer. */
  answer(request: Partial<TurnRequest>, options?: TurnOptions): Promise<TurnPart[]>
  close(): Promise<void>
}

const WINDOW = 4096

export async function randomSpeaker(kind: SpeakerKind, constrain: Constrain = 'auto'): Promise<Speaker> {
  const folder = mkdtempSync(join(tmpdir(), 'tether-speaker-'))
  try {
    cpSync(join('test/fixtures/checkpoints', kind.checkpoint), folder, { recursive: true })
    let text = readFileSync(join('test/fixtures/tokenizers', kind.tokenizer, 'tokenizer.json'), 'utf8')
    for (const [old, name] of Object.entries(kind.renamed ?? {})) text = text.replaceAll(old, name)
    const size = widen(join(folder, 'config.json'))
    writeFileSync(join(folder, 'tokenizer.json'), fitting(text, size))
    const tokenizer = await loadTokenizer(folder)
    const engine = await loadEngine(folder)
    const format = FORMATS[kind.format] as OutputFormat
    const family: ChatFamily = { ...format, render: () => ['say'] }
    const stops = format.stopTokens.map((token) => tokenizer.id(token)).filter((id) => id !== undefined)
    // Where a format names none, a checkpoint does.
    if (stops.length === 0) stops.push(tokenizer.id('</s>') ?? (tokenizer.id('<|eot_id|>') as number))
    const stopTokens = Int32Array.from(stops)
    const model: TurnModel = {
      engine,
      tokenizer,
      family,
      stopTokens,
      name: kind.format,
      defaults: { ...plainSampling, temperature: 1 },
      thinking: 'off',
      memory: createTurnMemory(),
      isQuick: true,
      grammars: openGrammars({ engine, tokenizer, family, stopTokens, constrain }),
    }
    return {
      engine,
      model,
      answer: (request, options) => answerOf(model, request, options),
      close: () => engine.close(),
    }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

async function answerOf(model: TurnModel, some: Partial<TurnRequest>, options: TurnOptions = {}): Promise<TurnPart[]> {
  const request: TurnRequest = {
    stream: false,
    chat: { messages: [], tools: [], thinking: false },
    toolChoice: { type: 'auto' },
    parallelCalls: true,
    stopSequences: [],
    sampling: {},
    callIdPrefix: 'call_',
    ...some,
  }
  const parts: TurnPart[] = []
  for await (const part of answerTurn(model, (prompter) => prepareTurn(prompter, request), options)) parts.push(part)
  return parts
}

/** A longer window than the fixtures have, of which no answer needs more. -> the size of the vocabulary */
function widen(file: string): number {
  const config = JSON.parse(readFileSync(file, 'utf8'))
  for (const part of [config, config.text_config]) if (part) part.max_position_embeddings = WINDOW
  writeFileSync(file, JSON.stringify(config))
  return config.vocab_size ?? config.text_config.vocab_size
}

/** Without the tokens that the model does not have; control tokens among them come in the place of its last ones. */
function fitting(text: string, size: number): string {
  const tokenizer = JSON.parse(text)
  const { model } = tokenizer
  const beyond = tokenizer.added_tokens.filter(({ id }: { id: number }) => id >= size)
  beyond.forEach((token: { id: number }, i: number) => {
    token.id = size - beyond.length + i
  })
  const known = Object.entries(model.vocab as Record<string, number>).filter(([, id]) => id < size - beyond.length)
  model.vocab = Object.fromEntries(known)
  model.merges = model.merges.filter((merge: string | [string, string]) => {
    const parts = typeof merge === 'string' ? merge.split(' ') : merge
    return [parts.join(''), ...parts].every((part) => part in model.vocab)
  })
  return JSON.stringify(tokenizer)
}
