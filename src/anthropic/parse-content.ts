/** Messages, system texts and their blocks: every shape that clients send, as one. */

import {
  type Fields,
  fail,
  isFields,
  readFlag,
  readInput,
  readText,
  readTextOr,
  readTyped,
} from '../turn/request-fields.js'
import { otherBlock } from './block-text.js'
import { readTool } from './parse-tools.js'
import type { ContentBlock, RequestMessage, TextBlock } from './types.js'

export function readMessages(value: unknown): RequestMessage[] {
  if (value === undefined) fail('messages', 'Field required')
  if (!Array.isArray(value)) fail('messages', 'Input should be a list')
  if (value.length === 0) fail('messages', 'at least one message is required')
  return value.map((message, i) => readMessage(message, `messages.${i}`)).filter((message) => message !== undefined)
}

/** undefined: a system message that holds only a token count. */
function readMessage(value: unknown, at: string): RequestMessage | undefined {
  if (!isFields(value)) fail(at, 'Input should be an object')
  const role = value.role
  if (role === undefined) fail(`${at}.role`, 'Field required')
  if (role !== 'user' && role !== 'assistant' && role !== 'system') {
    fail(`${at}.role`, "Input should be 'user', 'assistant' or 'system'")
  }
  const content = readContent(value.content, `${at}.content`, role)
  if (role !== 'system') return { role, content }
  const kept = content.filter((block) => block.type !== 'text' || !isTokenCount(block.text))
  return kept.length === 0 && content.length > 0 ? undefined : { role, content: kept }
}

function readContent(value: unknown, at: string, role: RequestMessage['role']): ContentBlock[] {
  if (value === undefined) fail(at, 'Field required')
  if (typeof value === 'string') return [{ type: 'text', text: value }]
  if (!Array.isArray(value)) fail(at, 'Input should be a string or a list')
  return value.flatMap((block, i) => readBlock(block, `${at}.${i}`, role))
}

function readBlock(value: unknown, at: string, role: RequestMessage['role']): ContentBlock[] {
  const block = readTyped(value, at)
  switch (block.type) {
    case 'thinking':
      return [
        {
          type: 'thinking',
          thinking: readTextOr(block.thinking, `${at}.thinking`),
          signature: readTextOr(block.signature, `${at}.signature`),
        },
      ]
    // Encrypted for another server; this model cannot read it.
    case 'redacted_thinking':
      return []
    case 'tool_use':
      if (role !== 'assistant') fail(at, 'tool_use blocks can only be in assistant messages')
      return [
        {
          type: 'tool_use',
          id: readText(block.id, `${at}.id`),
          name: readText(block.name, `${at}.name`),
          input: readInput(block.input, `${at}.input`),
        },
      ]
    case 'tool_result':
      if (role !== 'user') fail(at, 'tool_result blocks can only be in user messages')
      return [
        {
          type: 'tool_result',
          tool_use_id: readText(block.tool_use_id, `${at}.tool_use_id`),
          content: readResult(block.content, `${at}.content`),
          is_error: readFlag(block.is_error, `${at}.is_error`),
        },
      ]
    default:
      return readPlainBlock(block, at)
  }
}

/** A tool's result: a string, blocks, or nothing in any form. */
function readResult(value: unknown, at: string): ContentBlock[] {
  if (value === undefined || value === null || value === '') return []
  if (typeof value === 'string') return [{ type: 'text', text: value }]
  if (!Array.isArray(value)) fail(at, 'Input should be a string or a list')
  return value.flatMap((block, i) => readPlainBlock(readTyped(block, `${at}.${i}`), `${at}.${i}`))
}

/** Blocks that a message and a tool result may both have. */
function readPlainBlock(block: Fields & { type: string }, at: string): ContentBlock[] {
  if (block.type === 'text') {
    if (block.text === undefined) fail(`${at}.text`, 'Field required')
    if (typeof block.text !== 'string') fail(`${at}.text`, 'Input should be a string')
    return [{ type: 'text', text: block.text }]
  }
  if (block.type === 'tool_reference') {
    return [{ type: 'tool_reference', tool_name: readText(block.tool_name, `${at}.tool_name`) }]
  }
  if (block.type === 'tool_addition' || block.type === 'tool_removal') return [readToolChange(block, at)]
  const source = block.type === 'image' || block.type === 'document' ? readSource(block.source, `${at}.source`) : {}
  const heading = block.type === 'document' ? readHeading(block, at) : ''
  // A plain text document is text that any model can read.
  if (block.type === 'document' && source.type === 'text' && typeof source.data === 'string') {
    return [{ type: 'text', text: heading + source.data }]
  }
  if (block.type === 'document' && source.type === 'content') {
    const content = readResult(source.content, `${at}.source.content`)
    return heading === '' ? content : [{ type: 'text', text: heading }, ...content]
  }
  return otherBlock(block)
}

/** What a document is called, and what its sender says of it: lines before its text. */
function readHeading(block: Fields, at: string): string {
  const title = readTextOr(block.title, `${at}.title`)
  const context = readTextOr(block.context, `${at}.context`)
  if (title === '' && context === '') return ''
  return `[${['document', title].filter(Boolean).join(' ')}]\n${context === '' ? '' : `${context}\n`}`
}

/** What an image or a document is made of. A type that is not known yet is taken as it is. */
function readSource(value: unknown, at: string): Fields {
  if (value === undefined || value === null) fail(at, 'Field required')
  const source = readTyped(value, at)
  const required = SOURCE_FIELDS.get(source.type) ?? []
  for (const field of required) {
    if (source[field] === undefined || source[field] === null) fail(`${at}.${field}`, 'Field required')
    if (typeof source[field] !== 'string') fail(`${at}.${field}`, 'Input should be a string')
  }
  return source
}

/** The text that a source of this type has to have. */
const SOURCE_FIELDS = new Map([
  ['base64', ['media_type', 'data']],
  ['url', ['url']],
  ['file', ['file_id']],
  ['text', ['data']],
])

/** The tool is named by a reference, or defined here. */
function readToolChange({ type, tool, tool_name }: Fields, at: string): ContentBlock {
  const given: Fields = isFields(tool) ? tool : { name: tool ?? tool_name }
  const definition = isFields(given.definition) ? given.definition : given
  const name = readText(definition.name ?? definition.tool_name, `${at}.tool.name`)
  if (type === 'tool_removal') return { type, tool_name: name }
  if (definition.input_schema === undefined) return { type: 'tool_reference', tool_name: name }
  return { type: 'tool_addition', tool: readTool(definition, `${at}.tool`) }
}

export function readSystem(value: unknown): TextBlock[] {
  if (value === undefined || value === null) return []
  const texts = typeof value === 'string' ? [value] : readSystemBlocks(value)
  return texts
    .map(withoutAttribution)
    .filter((text) => text !== '' && !isTokenCount(text))
    .map((text) => ({ type: 'text', text }))
}

function readSystemBlocks(value: unknown): string[] {
  if (!Array.isArray(value)) fail('system', 'Input should be a string or a list')
  return value.map((item, i) => {
    const block = readTyped(item, `system.${i}`)
    if (block.type !== 'text') fail(`system.${i}.type`, "Input should be 'text'")
    if (typeof block.text !== 'string') fail(`system.${i}.text`, 'Input should be a string')
    return block.text
  })
}

/** Claude Code's first system line is a checksum that changes with every conversation. In the prompt it would end every shared prefix. */
function withoutAttribution(text: string): string {
  return text.startsWith('x-anthropic-billing-header') ? text.replace(/^[^\n]*\n*/, '') : text
}

/** Claude Code's "N tokens left" after each tool result is about another model's budget, and would end every shared prefix. */
function isTokenCount(text: string): boolean {
  const inner = inside(text.trim(), '<system-reminder>', '</system-reminder>') ?? text.trim()
  const count = inside(inner, '<total_tokens>', '</total_tokens>')
  return count !== undefined && !count.includes('<')
}

function inside(text: string, open: string, close: string): string | undefined {
  if (!text.startsWith(open) || !text.endsWith(close)) return undefined
  return text.slice(open.length, -close.length).trim()
}
