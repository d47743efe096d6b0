// The shape of what a client sends, as sorted lines of names, types and counts: no text of a prompt and no description is in
// them, so that they can be kept and compared.

/** `requests`: of scripts/wire-session.mjs. -> the lines */
export function wireShape(requests) {
  const lines = new Set()
  for (const { method, url, headers, body } of requests) {
    const who = senderOf(headers)
    const add = (what) => lines.add(`${who} ${what}`)
    const path = `${method} ${url.replace(/\d+/g, 'N').replace('/vN/', '/v1/')}`
    add(path)
    for (const [name, value] of Object.entries(headers)) addHeader(add, name, value)
    if (!body) continue
    const about = path.includes('count_tokens') ? 'count' : 'body'
    for (const [name, value] of Object.entries(body)) addField((what) => add(`${about} ${what}`), name, value)
  }
  return [...lines].sort()
}

/** What stands in one of two lists alone: `- …` and `+ …`. */
export function diffLines(before, after) {
  const [old, now] = [new Set(before), new Set(after)]
  return [
    ...before.filter((line) => !now.has(line)).map((line) => `- ${line}`),
    ...after.filter((line) => !old.has(line)).map((line) => `+ ${line}`),
  ]
}

function senderOf(headers) {
  const agent = headers['user-agent'] ?? ''
  if (headers['x-claude-code-agent-id']) return 'subagent'
  if (/\bsdk-cli\b/.test(agent)) return 'print'
  return /^claude-cli\b/.test(agent) ? 'terminal' : 'other'
}

/** Values that say what the client wants, rather than who and when it is. */
const spoken = ['anthropic-version', 'accept', 'accept-encoding', 'content-type', 'x-app', 'x-stainless-timeout']
/** What every HTTP client sends. */
const plain = ['host', 'connection', 'content-length']

function addHeader(add, name, value) {
  if (plain.includes(name)) return
  if (name === 'anthropic-beta') for (const beta of value.split(/,\s*/)) add(`beta ${beta}`)
  else add(spoken.includes(name) ? `header ${name}: ${value}` : `header ${name}`)
}

function addField(add, name, value) {
  if (name === 'messages') for (const message of value) addMessage(add, message)
  else if (name === 'tools') for (const tool of value) addTool(add, tool)
  else if (name === 'system') add(`system ${[value].flat().map(blockShape).join(' | ')}`)
  else add(`field ${name}: ${wanted(value)}`)
}

function addMessage(add, { role, content, ...more }) {
  const rest = Object.keys(more).map((key) => ` +${key}`)
  if (typeof content === 'string') return add(`message ${role}${rest}: text as a string`)
  for (const block of content) add(`message ${role}${rest}: ${blockShape(block)}`)
}

/** `tool_result(content: string, is_error, tool_use_id)`: the type of a block and its other fields. */
function blockShape(block) {
  if (typeof block === 'string') return 'a string'
  const { type, ...fields } = block
  const shown = Object.entries(fields).map(([key, value]) => {
    if (key === 'content') return `content: ${contentShape(value)}`
    return ['cache_control', 'source'].includes(key) ? `${key}: ${wanted(value)}` : key
  })
  return `${type}(${shown.sort().join(', ')})`
}

function contentShape(content) {
  if (typeof content === 'string') return 'string'
  return [...new Set([content].flat().map(blockShape))].sort().join(' | ')
}

/** Settings as they are, and of texts that may be long or private only that they are texts. */
function wanted(value) {
  if (Array.isArray(value)) return `[${value.map(wanted).join(', ')}]`
  if (typeof value !== 'object' || value === null) return typeof value === 'string' ? word(value) : typeof value
  const fields = Object.entries(value).map(([key, one]) => `${key}: ${wanted(one)}`)
  return `{ ${fields.sort().join(', ')} }`
}

function word(text) {
  return /^[a-z][a-z0-9_]{0,40}$/.test(text) ? text : 'string'
}

function addTool(add, { name, input_schema: schema, ...more }) {
  add(`tool ${name}(${Object.keys(more).sort().join(', ')})`)
  const { properties = {}, required = [], ...rest } = schema ?? {}
  add(`tool ${name} input: ${Object.keys(rest).sort().join(', ')}`)
  for (const [key, one] of Object.entries(properties)) {
    add(`tool ${name} input ${key}${required.includes(key) ? '' : '?'}: ${schemaShape(one)}`)
  }
}

function schemaShape(schema) {
  if (typeof schema !== 'object' || schema === null) return 'any'
  const { type, enum: values, const: only, items, properties, anyOf, oneOf } = schema
  if (values) return values.map((value) => JSON.stringify(value)).join(' | ')
  if (only !== undefined) return JSON.stringify(only)
  if (items) return `list of ${schemaShape(items)}`
  if (properties) {
    const fields = Object.entries(properties).map(([key, one]) => `${key}: ${schemaShape(one)}`)
    return `{ ${fields.join(', ')} }`
  }
  if (anyOf ?? oneOf) return (anyOf ?? oneOf).map(schemaShape).join(' | ')
  return [type ?? 'any'].flat().join(' | ')
}
