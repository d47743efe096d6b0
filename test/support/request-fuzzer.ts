/** Requests of the Messages API in which something is of a kind that no client sends: it knows the fields, and spoils them. */
import type { Random } from './random.mjs'

/** Texts of JSON: an own `__proto__` is a key only there. */
const ODD = [
  'null',
  'true',
  'false',
  '0',
  '-1',
  '0.5',
  '1e308',
  '1e-320',
  '9007199254740993',
  '""',
  '" "',
  '"\\u0000"',
  '"\\ud800"',
  '"\\u001b[31m"',
  '"__proto__"',
  '"constructor"',
  '"<|tool_call>"',
  '"object"',
  '[]',
  '[[]]',
  '[null]',
  '[{}]',
  '["a",1,null,{}]',
  '{}',
  '{"toString":"x"}',
  '{"valueOf":1,"toString":null}',
  '{"toJSON":"x"}',
  '{"then":"x"}',
  '{"length":-1}',
  '{"__proto__":{"a":1}}',
  '{"__proto__":null,"toString":{}}',
  '{"constructor":{"prototype":{"a":1}}}',
  '{"hasOwnProperty":1,"a":{"hasOwnProperty":null}}',
  '{"type":{"toString":"x"}}',
  '{"type":"text"}',
  '{"type":["string","null"],"toString":1}',
  '{"$ref":"#"}',
  '{"$ref":"#/properties/a"}',
  '{"$ref":{"toString":"x"}}',
  '{"anyOf":[{"$ref":"#"},{}]}',
  '{"allOf":{"toString":"x"}}',
  '{"enum":[{"toString":"x"},{"__proto__":1}]}',
  '{"required":[{"toString":"x"}]}',
  '{"properties":{"__proto__":{"type":"string"},"toString":{"type":"x"}}}',
].map((text): unknown => JSON.parse(text))

const NAMES = ['__proto__', 'constructor', 'toString', 'valueOf', 'hasOwnProperty', 'length', 'toJSON', 'then', '', '0']

/** Every field that the server reads, in a request that is right. */
export function wholeRequest(): object {
  return {
    model: 'x',
    max_tokens: 50,
    stream: false,
    system: [{ type: 'text', text: 'Be brief.', cache_control: { type: 'ephemeral' } }],
    temperature: 0.5,
    top_p: 0.9,
    top_k: 5,
    min_p: 0.1,
    repetition_penalty: 1.1,
    seed: 3,
    stop_sequences: ['STOP'],
    metadata: { user_id: 'u' },
    thinking: { type: 'enabled', budget_tokens: 1024 },
    output_config: { format: { type: 'json_schema', schema: { type: 'object' } } },
    tool_choice: { type: 'auto', disable_parallel_tool_use: false },
    tools: [
      { type: 'web_search_20250305', name: 'web_search' },
      { type: 'bash_20250124', name: 'bash' },
      {
        name: 't',
        description: 'Does.',
        defer_loading: false,
        input_schema: {
          type: 'object',
          description: 'All.',
          $defs: { d: { type: 'integer', minimum: 1 } },
          properties: {
            a: { type: 'string', description: 'A.', enum: ['x', 'y'], default: 'x' },
            b: { type: 'array', items: { type: ['number', 'null'] }, minItems: 1 },
            c: { anyOf: [{ $ref: '#/$defs/d' }, { type: 'object', properties: { e: { const: 1 } }, required: ['e'] }] },
            f: { allOf: [{ type: 'object' }], oneOf: [{}], additionalProperties: { type: 'boolean' } },
          },
          required: ['a'],
          additionalProperties: false,
        },
      },
      { name: 'late', defer_loading: true, input_schema: { type: 'object' } },
    ],
    messages: [
      {
        role: 'user',
        content: [
          { type: 'text', text: 'hi' },
          { type: 'image', source: { type: 'base64', media_type: 'image/png', data: 'AAAA' } },
          { type: 'document', title: 'T', source: { type: 'content', content: [{ type: 'text', text: 'd' }] } },
          { type: 'search_result', title: 's', source: 'u', content: [{ type: 'text', text: 'w' }] },
        ],
      },
      {
        role: 'assistant',
        content: [
          { type: 'thinking', thinking: 'hm', signature: '' },
          { type: 'redacted_thinking', data: 'x' },
          { type: 'text', text: 'I look.' },
          { type: 'tool_use', id: 'c1', name: 't', input: { a: 'x', b: [1] } },
        ],
      },
      {
        role: 'user',
        content: [
          { type: 'tool_result', tool_use_id: 'c1', is_error: false, content: [{ type: 'text', text: 'r' }] },
          { type: 'tool_reference', tool_name: 'late' },
          { type: 'tool_addition', tool: { name: 'new', input_schema: { type: 'object' } } },
          { type: 'tool_removal', tool_name: 'new' },
        ],
      },
      { role: 'system', content: 'Note.' },
      { role: 'user', content: 'go on' },
    ],
  }
}

/** A request with one to three things spoiled, as JSON. `whole`: the one that is right. */
export function spoiledRequest(random: Random, whole: object = wholeRequest()): string {
  const request = whole as Parent
  for (let left = 1 + random.below(3); left > 0; left--) spoil(random, request)
  const text = JSON.stringify(request)
  // Where JSON.stringify calls toJSON or leaves something out, the text is still JSON.
  return random.chance(0.03) ? text.slice(0, random.below(text.length)) : text
}

type Parent = Record<string, unknown>

function spoil(random: Random, root: Parent): void {
  const places: [Parent, string][] = []
  const walk = (value: unknown) => {
    if (typeof value !== 'object' || value === null) return
    for (const key of Object.keys(value)) {
      places.push([value as Parent, key])
      walk((value as Parent)[key])
    }
  }
  walk(root)
  const place = random.pick(places)
  const [parent, key] = place
  const how = random.below(10)
  if (how < 6) set(parent, key, structuredClone(random.pick(ODD)))
  else if (how === 6) delete parent[key]
  else if (how === 7) set(parent, random.pick(NAMES), parent[key])
  else if (how === 8) set(parent, random.pick(NAMES), structuredClone(random.pick(ODD)))
  else set(parent, key, structuredClone((random.pick(places)[0] as Parent) ?? null))
}

/** As JSON.parse does: also `__proto__` becomes a key of the object itself. */
function set(parent: Parent, key: string, value: unknown): void {
  if (Array.isArray(parent) && key === 'length') return
  Object.defineProperty(parent, key, { value, enumerable: true, configurable: true, writable: true })
}
