import type { JsonObject } from '../../src/chat/types.js'

export type Turn = { name: string; input: JsonObject; output: string; is_error: boolean }

export interface Tool {
  name: string
  description: string
  input_schema: { type: string; properties: JsonObject; required: string[]; additionalProperties: boolean }
}

export interface ClaudeCodeRequest {
  model: string
  max_tokens: number
  thinking: { type: 'adaptive'; display: 'omitted' }
  system: { type: 'text'; text: string; cache_control?: { type: 'ephemeral' } }[]
  tools: Tool[]
  messages: { role: string; content: (JsonObject & { type: string })[] }[]
}

export function prose(seed: number, size: number): string
export function random(seed: number): () => number
export function tools(): Tool[]
export function claudeCodeRequest(line: string, turns?: Turn[], maxTokens?: number): ClaudeCodeRequest
