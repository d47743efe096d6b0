/** Tools with arbitrary schemas, of all that a grammar can say, and tools of Claude Code's shape. */
import type { ChatTool, JsonObject, JsonValue } from '../../src/chat/types.js'
import type { Random } from './random.mjs'

const NAMES = ['name', 'file-path', 'größe', 'n', '名前', '-A', 'x.y', 'toString', 'length', 'type', 'emoji 🙂']
const PATTERNS = ['^[a-f0-9]{4}$', '^(yes|no)$', '^\\d{2}:\\d{2}$', '^wf_[a-z0-9-]{6,8}$', '^[äöü]+$', '^.{1,5}$']

const DEFINITIONS: JsonObject = {
  pair: {
    type: 'object',
    properties: { l: { type: 'boolean' }, r: { enum: [1, 2] } },
    required: ['l'],
    additionalProperties: false,
  },
  tree: {
    type: 'object',
    properties: {
      v: { type: 'integer', minimum: 0, maximum: 9 },
      next: { anyOf: [{ type: 'null' }, { $ref: '#/$defs/tree' }] },
    },
    required: ['v'],
    additionalProperties: false,
  },
}

/** A value's schema. What random text would hardly ever end has a bound. */
function someSchema(random: Random, depth: number): JsonObject {
  const leaves: (() => JsonObject)[] = [
    () => ({ type: 'string' }),
    () => ({ type: 'string', minLength: 2, maxLength: 6 }),
    () => ({ type: 'string', pattern: random.pick(PATTERNS) }),
    () => ({ enum: ['a', 'ü "b"', 3, null, true, '', 'line\nbreak', { a: [1] }] }),
    () => ({ const: random.pick(['only', 7, false, '日本', 1e21]) }),
    () => ({ type: 'boolean' }),
    () => ({ type: ['integer', 'null'] }),
    () => ({ type: 'integer', minimum: -5, maximum: 1000 }),
    () => ({ type: 'integer', exclusiveMinimum: 3 }),
    () => ({ type: 'integer', multipleOf: 5, minimum: 0, maximum: 60 }),
    () => ({ type: 'number' }),
    () => ({ type: 'number', minimum: 0, exclusiveMaximum: 1 }),
    () => ({ type: 'number', maximum: -2.5 }),
  ]
  const inner = () => someSchema(random, depth - 1)
  const nodes: (() => JsonObject)[] = [
    () => ({ anyOf: [inner(), { type: 'null' }] }),
    () => ({ oneOf: [{ type: 'boolean' } as JsonObject, { enum: [1, 2, 'three'] }] }),
    () => ({ type: 'array', items: inner(), minItems: random.below(2), maxItems: 3 }),
    () => ({ type: 'array', prefixItems: [{ type: 'boolean' }, inner()], items: false, minItems: 2 }),
    () => ({ $ref: '#/$defs/pair' }),
    () => ({ $ref: '#/$defs/tree' }),
    () => ({ type: 'object', additionalProperties: inner(), maxProperties: 2 }),
    () => someObject(random, depth - 1),
  ]
  return random.pick(depth > 0 ? [...leaves, ...nodes] : leaves)()
}

/** Its keys are those of `$defs` too, which only the outermost schema has. */
function someObject(random: Random, depth: number): JsonObject {
  const names = NAMES.filter(() => random.chance(0.35))
  const properties = Object.fromEntries(names.map((name) => [name, someSchema(random, depth)]))
  return { type: 'object', properties, required: names.filter(() => random.chance(0.6)), additionalProperties: false }
}

export function someTool(random: Random, i: number): ChatTool {
  return { name: `tool_${i}`, description: '', schema: { ...someObject(random, 2), $defs: DEFINITIONS } }
}

/** The same with a bound for every text, without keys of the model's own. */
export function bounded(schema: JsonObject): JsonObject {
  const walk = (value: JsonValue): JsonValue => {
    if (Array.isArray(value)) return value.map(walk)
    if (typeof value !== 'object' || value === null) return value
    if (value.type === 'object' && value.additionalProperties !== false) return { type: 'boolean' }
    const isFree = value.type === 'string' && !value.enum && !value.pattern
    const entries = Object.entries(value).map(([key, inner]) => [key, walk(inner as JsonValue)])
    return { ...Object.fromEntries(entries), ...(isFree ? { maxLength: 30 } : {}) }
  }
  return { ...(walk({ ...schema, additionalProperties: false }) as JsonObject), type: 'object' }
}

const text = { type: 'string' }
const flag = { type: 'boolean' }
const safe = { minimum: -Number.MAX_SAFE_INTEGER, maximum: Number.MAX_SAFE_INTEGER }
const level = { type: 'string', enum: ['low', 'medium', 'high', 'xhigh', 'max'] }

function tool(name: string, properties: JsonObject, required: string[] = []): ChatTool {
  const $schema = 'https://json-schema.org/draft/2020-12/schema'
  return {
    name,
    description: '',
    schema: { $schema, type: 'object', properties, required, additionalProperties: false },
  }
}

/** As a recorded request of Claude Code has them, without its words. */
export const CLAUDE_CODE_TOOLS: ChatTool[] = [
  tool(
    'Agent',
    { prompt: text, model: { type: 'string', enum: ['sonnet', 'opus', 'haiku'] }, effort: level, background: flag },
    ['prompt'],
  ),
  tool('Bash', { command: text, timeout: { type: 'number' }, background: flag }, ['command']),
  tool(
    'Edit',
    { file_path: text, old_string: text, new_string: text, replace_all: { default: false, type: 'boolean' } },
    ['file_path', 'old_string', 'new_string'],
  ),
  tool('List', { channel: { type: 'string', maxLength: 256 }, cursor: { type: 'string', maxLength: 200 } }),
  tool(
    'Read',
    {
      file_path: text,
      offset: { type: 'integer', ...safe, minimum: 0 },
      limit: { type: 'integer', ...safe, exclusiveMinimum: 0 },
    },
    ['file_path'],
  ),
  tool(
    'ReportFindings',
    {
      level,
      findings: {
        maxItems: 32,
        type: 'array',
        items: {
          type: 'object',
          properties: {
            file: text,
            line: { type: 'integer', ...safe },
            summary: text,
            category: { type: 'string', maxLength: 40 },
          },
          required: ['file', 'summary'],
          additionalProperties: false,
        },
      },
    },
    ['findings'],
  ),
  tool('Workflow', {
    script: { type: 'string', maxLength: 524288 },
    args: { type: 'object' },
    run: { type: 'string', pattern: '^wf_[a-z0-9-]{6,}$' },
  }),
  { name: 'Placeholder', description: '', schema: { type: 'object', properties: {} } },
]
