/** Requests of OpenAI's routes with every field that the server reads, for the fuzzer to spoil. */
/** A new one each time, since the fuzzer spoils it. */
const schema = () => ({
  type: 'object',
  properties: { a: { type: 'string', enum: ['x'] }, b: { type: 'array', items: { type: 'number' } } },
  required: ['a'],
})
const sampling = { temperature: 0.5, top_p: 0.9, min_p: 0.1, seed: 3 }

export const WHOLE_OPENAI: Record<string, () => object> = {
  '/v1/chat/completions': () => ({
    model: 'x',
    max_completion_tokens: 50,
    stream: false,
    stream_options: { include_usage: true },
    ...sampling,
    stop: ['STOP'],
    n: 1,
    metadata: { user: 'u' },
    reasoning_effort: 'low',
    response_format: { type: 'json_schema', json_schema: { name: 'n', schema: schema() } },
    parallel_tool_calls: true,
    tool_choice: 'auto',
    tools: [
      { type: 'function', function: { name: 't', description: 'Does.', strict: true, parameters: schema() } },
      { type: 'custom', custom: { name: 'free' } },
    ],
    messages: [
      { role: 'developer', content: [{ type: 'text', text: 'Be brief.' }] },
      {
        role: 'user',
        name: 'u',
        content: [
          { type: 'text', text: 'hi' },
          { type: 'image_url', image_url: { url: 'data:' } },
        ],
      },
      {
        role: 'assistant',
        content: null,
        tool_calls: [{ id: 'c1', type: 'function', function: { name: 't', arguments: '{"a":"x"}' } }],
      },
      { role: 'tool', tool_call_id: 'c1', content: 'r' },
      { role: 'assistant', content: 'So.', refusal: null },
      { role: 'user', content: 'go on' },
    ],
  }),
  '/v1/responses': () => ({
    model: 'x',
    max_output_tokens: 50,
    stream: false,
    ...sampling,
    instructions: 'Be brief.',
    metadata: { user: 'u' },
    store: true,
    truncation: 'auto',
    include: [],
    reasoning: { effort: 'low', summary: 'auto' },
    text: { format: { type: 'json_schema', name: 'n', schema: schema() }, verbosity: 'low' },
    parallel_tool_calls: true,
    tool_choice: 'auto',
    tools: [
      { type: 'function', name: 't', description: 'Does.', strict: true, parameters: schema() },
      { type: 'web_search' },
      { type: 'custom', name: 'free' },
    ],
    input: [
      { type: 'message', role: 'user', content: [{ type: 'input_text', text: 'hi' }] },
      { type: 'reasoning', id: 'r1', summary: [{ type: 'summary_text', text: 'hm' }] },
      { type: 'function_call', id: 'f1', call_id: 'c1', name: 't', arguments: '{"a":"x"}' },
      { type: 'function_call_output', call_id: 'c1', output: [{ type: 'input_text', text: 'r' }] },
      { type: 'message', role: 'assistant', content: [{ type: 'output_text', text: 'So.', annotations: [] }] },
      { role: 'user', content: 'go on' },
    ],
  }),
  '/v1/completions': () => ({
    model: 'x',
    max_tokens: 50,
    stream: false,
    stream_options: { include_usage: true },
    ...sampling,
    stop: 'STOP',
    n: 1,
    best_of: 1,
    echo: false,
    logprobs: null,
    user: 'u',
    prompt: 'Once upon',
  }),
}
