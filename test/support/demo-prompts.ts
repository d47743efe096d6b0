/** The demo model's test requests, demo/eval/prompts.json, and which answers are right. */
import type { AnswerBlock } from '../../src/anthropic/types.js'
import type { Turn } from './claude-code-request.mjs'

export type DemoPrompt = {
  kind: 'say' | 'run' | 'read' | 'write' | 'other' | 'result'
  prompt: string
  /** Tool calls made so far, with their results. */
  turns?: Turn[]
  expect: { text: string } | { tool: string; input: Record<string, string> }
}

/** Right is exactly the text, or one call of the tool with these arguments; others, such as a description, may differ. */
export function isRight(expected: DemoPrompt['expect'], content: AnswerBlock[]): boolean {
  const [block] = content
  if (content.length !== 1 || !block) return false
  if ('text' in expected) return block.type === 'text' && block.text === expected.text
  if (block.type !== 'tool_use' || block.name !== expected.tool) return false
  return Object.entries(expected.input).every(([key, value]) => block.input[key] === value)
}
