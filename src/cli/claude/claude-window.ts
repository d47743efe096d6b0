/**
 * What a window means for Claude Code: when it compacts, when it refuses, and whether there is room to work.
 *
 * The numbers are those of Claude Code 2.1.330, measured with a scripted server. Its prompt has 3.8k (Gemma) to 4.1k
 * tokens (Llama) with four tools and 11.2k to 12.1k with all, before any CLAUDE.md; it keeps 13000 tokens and an answer
 * free, and compacts beyond that. After that a prompt has 1000 tokens more than at first, and when it refills within
 * three turns, three times in a row, Claude Code gives up. With tool outputs of 1500 tokens it gave up where it
 * compacted at 6456 and at 8220 tokens, and worked at 9757.
 */
import type { WindowLimit } from '../../index.js'
import { ROOM_TO_WORK, windowRemedy } from '../agents/agent-window.js'

export interface ClaudeWindow {
  /** Tokens in use beyond which Claude Code compacts the conversation. */
  compactsAt: number
  /** Tokens in use at which it no longer sends requests. */
  refusesAt: number
  /** `small`: works with few tools. `too-small`: it would compact again and again, and give up. */
  verdict: 'ok' | 'small' | 'too-small'
  /** What is wrong and what helps. Empty if nothing is wrong. */
  message: string
}

/** Up to this window the prompt with all tools leaves too little room to work. */
const SMALL_WINDOW = 40_000
/** Tokens that Claude Code keeps free for compaction, besides an answer. */
const KEPT_FREE = 13_000
/** The most tokens that it reserves for an answer. */
const MOST_RESERVED = 20_000
const FEW_TOOLS_PROMPT = 4300
const ALL_TOOLS_PROMPT = 12_500
/** A shorter answer cannot hold a useful file. */
const SHORTEST_ANSWER = 1024

/** `maxOutput`: the effective CLAUDE_CODE_MAX_OUTPUT_TOKENS. `limit`: what bounds the window, to say what helps. */
export function claudeWindow(window: number, maxOutput: number, limit?: WindowLimit): ClaudeWindow {
  const reserved = Math.min(maxOutput, MOST_RESERVED)
  const compactsAt = window - reserved - KEPT_FREE
  const refusesAt = window - reserved - 3000
  // Less between the prompt and compaction is used up in three turns.
  if (compactsAt < FEW_TOOLS_PROMPT + ROOM_TO_WORK) {
    const at = compactsAt > FEW_TOOLS_PROMPT ? `again and again, at ${compactsAt} tokens` : 'immediately'
    const message = `a window of ${window} tokens is too small for Claude Code (it would compact ${at}). ${remedy(window, maxOutput, limit)}, or use --force to start anyway`
    return { compactsAt, refusesAt, verdict: 'too-small', message }
  }
  if (window <= SMALL_WINDOW || compactsAt < ALL_TOOLS_PROMPT + ROOM_TO_WORK) {
    const message = `a window of ${window} tokens is small for Claude Code: it gets the tools Bash, Read, Edit and Write only, and compacts at ${compactsAt} tokens. ${remedy(window, maxOutput, limit)}`
    return { compactsAt, refusesAt, verdict: 'small', message }
  }
  return { compactsAt, refusesAt, verdict: 'ok', message: '' }
}

/**
 * What CLAUDE_CODE_MAX_OUTPUT_TOKENS should be: an eighth of the window, in a small one a quarter of the room to work,
 * since Claude Code compacts earlier by each token that an answer may have.
 */
export function maxOutputFor(window: number): number {
  const left = Math.floor((window - KEPT_FREE - FEW_TOOLS_PROMPT) / 4)
  return Math.max(1, Math.min(16_384, Math.floor(window / 8), Math.max(SHORTEST_ANSWER, left)))
}

/**
 * The most tokens of one tool's output: in a small window a third of the room, since an output that fills it triggers
 * compaction at once. undefined: Claude Code's own limit.
 */
export function toolOutputFor(window: number): number | undefined {
  if (window > SMALL_WINDOW) return undefined
  const { compactsAt } = claudeWindow(window, maxOutputFor(window))
  return Math.max(1000, Math.floor((compactsAt - FEW_TOOLS_PROMPT) / 3))
}

function remedy(window: number, maxOutput: number, limit: WindowLimit | undefined): string {
  if (maxOutput > maxOutputFor(window)) return `Unset CLAUDE_CODE_MAX_OUTPUT_TOKENS, which is ${maxOutput}`
  return windowRemedy(limit)
}
