/** How models write calls, as their templates or our own prompt teach them. */

export type CallStyle =
  | 'taught'
  | '{"name", "parameters"}'
  | '<tool_call>'
  | '<tool_call>[…]'
  | '<|tool_call>call:'
  | '[TOOL_CALLS][…]'
  | '[TOOL_CALLS]name[ARGS]'
  | '[TOOL_CALLS]name[CALL_ID]'
  | '<TOOLCALL>[…]'
  | '<function=name>'
  | '[{"name", "arguments"}]'
  | '[name(…)]'

interface Call {
  name: string
  input: Record<string, string>
}

const STYLES: Record<CallStyle, (call: Call) => string> = {
  taught: (call) => `\`\`\`tool_call\n${json(call)}\n\`\`\``,
  '{"name", "parameters"}': ({ name, input }) => JSON.stringify({ name, parameters: input }),
  '<tool_call>': (call) => `<tool_call>\n${json(call)}\n</tool_call>`,
  '<tool_call>[…]': (call) => `<tool_call>[${json(call)}]</tool_call>`,
  '<|tool_call>call:': ({ name, input }) => {
    const fields = Object.entries(input).map(([key, value]) => `${key}:<|"|>${value}<|"|>`)
    return `<|tool_call>call:${name}{${fields.join(',')}}<tool_call|>`
  },
  '[TOOL_CALLS][…]': ({ name, input }) =>
    `[TOOL_CALLS] ${JSON.stringify([{ name, arguments: input, id: 'a1b2c3d4e' }])}`,
  '[TOOL_CALLS]name[ARGS]': ({ name, input }) => `[TOOL_CALLS]${name}[ARGS]${JSON.stringify(input)}`,
  '[TOOL_CALLS]name[CALL_ID]': ({ name, input }) =>
    `[TOOL_CALLS]${name}[CALL_ID]a1b2c3d4e[ARGS]${JSON.stringify(input)}`,
  '<TOOLCALL>[…]': (call) => `<TOOLCALL>[${json(call)}]</TOOLCALL>`,
  '<function=name>': ({ name, input }) => `<function=${name}>${JSON.stringify(input)}</function>`,
  '[{"name", "arguments"}]': (call) => `[${json(call)}]`,
  '[name(…)]': ({ name, input }) => {
    const values = Object.entries(input).map(([key, value]) => `${key}=${JSON.stringify(value)}`)
    return `[${name}(${values.join(', ')})]`
  },
}

/** A call as a model of this style writes it. */
export function writeCall(style: CallStyle, call: Call): string {
  return STYLES[style](call)
}

function json({ name, input }: Call): string {
  return JSON.stringify({ name, arguments: input })
}
