/**
 * The text inside blocks that are none of the usual ones: search results, summaries of a compaction, documents, what
 * server tools returned, blocks of a type that is not known yet. A text model can read that; nothing of it is lost.
 */
import { type Fields, isFields } from '../turn/request-fields.js'
import type { ContentBlock, OtherBlock } from './types.js'

/** Fields that hold no words: data, ids, and what only another server can decrypt. */
const OPAQUE = new Set([
  'type',
  'id',
  'data',
  'signature',
  'cache_control',
  'citations',
  'media_type',
  'file_id',
  'tool_use_id',
])
/** Fields that come first, as a heading. */
const HEADING = ['title', 'name', 'tool_name', 'server_name', 'url', 'source']
/** Sources of images and files, whose content is bytes or elsewhere. */
const UNREAD = new Set(['base64', 'url', 'file'])
/** No real block nests deeper. */
const MAX_DEPTH = 12

/** A line that says what the block is, and the words in it. A block without words becomes its type and size. */
export function otherBlock(block: Fields & { type: string }): ContentBlock[] {
  const source = isFields(block.source) ? block.source : {}
  const words = wordsIn(block, 0)
  if (words === '' || (typeof source.type === 'string' && UNREAD.has(source.type))) return [described(block, source)]
  const heading = HEADING.flatMap((field) => (typeof block[field] === 'string' ? [block[field]] : []))
  return [{ type: 'text', text: `[${[block.type, ...heading].join(' ')}]\n${words}` }]
}

/** An image or a document that a text model cannot read. */
function described(block: Fields & { type: string }, source: Fields): OtherBlock {
  const data = typeof source.data === 'string' ? source.data : ''
  const other: OtherBlock = { type: 'other', kind: block.type, bytes: Math.floor((data.length * 3) / 4) }
  if (typeof source.media_type === 'string') other.mediaType = source.media_type
  const name = block.title ?? block.name ?? source.url
  if (typeof name === 'string' && name !== '') other.name = name
  return other
}

/** Every string of the value on a line of its own; an object of arguments as JSON. */
function wordsIn(value: unknown, depth: number): string {
  if (typeof value === 'string') return value
  if (typeof value === 'number' || typeof value === 'boolean') return String(value)
  if (depth > MAX_DEPTH || typeof value !== 'object' || value === null) return ''
  if (Array.isArray(value)) return lines(value.map((one) => wordsIn(one, depth + 1)))
  return lines(Object.entries(value).map(([field, inner]) => wordsOf(field, inner, depth)))
}

function wordsOf(field: string, value: unknown, depth: number): string {
  if (OPAQUE.has(field) || field.startsWith('encrypted')) return ''
  if (depth === 0 && HEADING.includes(field) && typeof value === 'string') return ''
  if (field === 'input' && isFields(value)) return JSON.stringify(value)
  const isPlain = typeof value === 'number' || typeof value === 'boolean'
  return isPlain ? `${field}: ${value}` : wordsIn(value, depth + 1)
}

function lines(texts: string[]): string {
  return texts.filter((text) => text !== '').join('\n')
}
