/** The file of TETHER_DEBUG: each turn's request, rendered prompt, raw answer, reused prefix, and why no more was reused. */
import type { DebugHook, DebugTurn, Dropped, Finish, Piece, PromptMiss, PromptPiece, Tokenizer } from '../../index.js'
import { openRunLog } from './log-file.js'

export interface DebugLog {
  readonly path: string
  /** For `loadModel`. */
  onDebug: DebugHook
  close(): void
}

/** A turn that the prefix cache may still hold. */
interface Past {
  turn: number
  prompt: Int32Array
  generated: number[]
}

/** How many earlier turns a prompt is compared with. */
const REMEMBERED = 32

/**
 * Opens a new file in this folder. Only its owner can read the file, which holds whole conversations. It holds no key: headers are not logged. Turns may
 * overlap, so every section names its turn. Control tokens are written as ⟦<|turn>⟧.
 */
export function openDebugLog(folder: string): DebugLog {
  const file = openRunLog(folder, 'debug')
  const past: Past[] = []
  let turns = 0
  return {
    path: file.path,
    close: file.close,
    onDebug: (request, tokenizer) => {
      const turn = ++turns
      const write = (title: string, text = '') => file.write(`==== turn ${turn}, ${title}${text && `\n${text}`}\n`)
      write(`request at ${new Date().toISOString()}`, JSON.stringify(request, null, 1) ?? String(request))
      return watchTurn({ turn, past, tokenizer, write })
    },
  }
}

interface Watched {
  turn: number
  past: Past[]
  tokenizer: Pick<Tokenizer, 'stream'>
  write: (title: string, text?: string) => void
}

function watchTurn({ turn, past, tokenizer, write }: Watched): DebugTurn {
  const generated: number[] = []
  let finish: Finish | undefined
  let prompted = false
  let fault = ''
  return {
    prompted(pieces, prompt, dropped) {
      prompted = true
      write(
        `prompt of ${prompt.length} tokens${droppedNote(dropped)}`,
        written(pieces.flatMap((piece) => plain(piece, tokenizer))),
      )
      write('reuse', firstDifference(prompt, past, tokenizer))
      past.push({ turn, prompt, generated })
      if (past.length > REMEMBERED) past.shift()
    },
    generated(tokens) {
      for (const token of tokens) generated.push(token)
    },
    finished(end) {
      finish = end
    },
    failed(error) {
      fault = error instanceof Error ? (error.stack ?? error.message) : String(error)
    },
    ended() {
      if (prompted) write(`answer of ${generated.length} tokens`, written(decode(generated, tokenizer)))
      if (finish?.miss) write('miss', missLine(finish.miss, tokenizer))
      write('end', fault || (finish ? summary(finish) : 'the client left'))
    },
  }
}

function droppedNote(dropped: Dropped | undefined): string {
  return dropped ? `, without the oldest ${dropped.messages} messages (${dropped.tokens} tokens)` : ''
}

/** Where this prompt differs from the earlier turn with the longest common prefix: nothing after that can be reused. */
function firstDifference(prompt: Int32Array, past: Past[], tokenizer: Pick<Tokenizer, 'stream'>): string {
  let best = { turn: 0, common: 0, here: '', there: '' }
  const name = (token: number | undefined) =>
    token === undefined ? 'its end' : `${JSON.stringify(written(decode([token], tokenizer)))} (${token})`
  for (const earlier of past) {
    const at = (i: number) => earlier.prompt[i] ?? earlier.generated[i - earlier.prompt.length]
    let common = 0
    while (common < prompt.length && prompt[common] === at(common)) common++
    if (common < best.common || common === 0) continue
    best = { turn: earlier.turn, common, here: name(prompt[common]), there: name(at(common)) }
  }
  if (best.turn === 0) return 'shares nothing with an earlier turn'
  const { turn, common, here, there } = best
  return `begins with the first ${common} tokens of turn ${turn}; then here ${here}, there ${there}`
}

/** Why the cache had no more of the prompt. */
function missLine({ reason, at, ours, theirs }: PromptMiss, tokenizer: Pick<Tokenizer, 'stream'>): string {
  const [here, there] = [ours, theirs].map((tokens) => JSON.stringify(written(decode([...tokens], tokenizer))))
  return `${reason} at token ${at} of the nearest prompt; here ${here}, there ${there}`
}

function summary(finish: Finish): string {
  const { reason, stopToken, promptTokens, cachedTokens, createdTokens, computedTokens, outputTokens } = finish
  const seconds = [finish.queueSeconds, finish.prefillSeconds, finish.decodeSeconds].map((time) => time.toFixed(3))
  return [
    `${reason}${stopToken === undefined ? '' : ` at token ${stopToken}`}`,
    `${cachedTokens} of ${promptTokens} prompt tokens were cached`,
    `${computedTokens} computed, ${createdTokens} newly kept`,
    `${outputTokens} generated`,
    `${seconds[0]} s in the queue, ${seconds[1]} s of prefill, ${seconds[2]} s of decode`,
  ].join(', ')
}

/** Turns that the model wrote are tokens in the prompt. */
function plain(piece: PromptPiece, tokenizer: Pick<Tokenizer, 'stream'>): Piece[] {
  return typeof piece === 'object' && 'tokens' in piece ? decode([...piece.tokens], tokenizer) : [piece]
}

function decode(tokens: number[], tokenizer: Pick<Tokenizer, 'stream'>): Piece[] {
  const stream = tokenizer.stream()
  return [...stream.push(tokens), ...stream.end()]
}

function written(pieces: Piece[]): string {
  return pieces.map((piece) => (typeof piece === 'string' ? piece : `⟦${piece.control}⟧`)).join('')
}
