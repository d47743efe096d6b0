// Sends a request as a client would, and times its answer.

/** -> `first`: milliseconds to the first content; `all`: to the end; `content`: Anthropic's blocks of the answer; `usage` */
export async function sendMessages(url, request) {
  const blocks = []
  const inputs = []
  let usage = {}
  const times = await stream(`${url}/v1/messages`, { ...request, stream: true }, (event) => {
    if (event.type === 'error') throw new Error(`${url}: ${event.error.message}`)
    if (event.type === 'message_start') usage = event.message.usage
    if (event.type === 'message_delta') usage = { ...usage, ...event.usage }
    if (event.type === 'content_block_start') blocks[event.index] = { ...event.content_block }
    if (event.type !== 'content_block_delta') return false
    const { index, delta } = event
    if (delta.type === 'text_delta') blocks[index].text += delta.text
    if (delta.type === 'input_json_delta') inputs[index] = (inputs[index] ?? '') + delta.partial_json
    return true
  })
  for (const [index, json] of Object.entries(inputs)) blocks[index].input = JSON.parse(json || '{}')
  const content = blocks.filter(({ type, text }) => type === 'tool_use' || (type === 'text' && text.trim() !== ''))
  return { ...times, content, usage }
}

/** The same for OpenAI's chat completions. The request is an Anthropic one whose contents are texts. */
export async function sendCompletions(url, { system, messages, ...rest }) {
  let text = ''
  let usage = {}
  const body = { ...rest, stream: true, stream_options: { include_usage: true } }
  body.messages = [{ role: 'system', content: system }, ...messages]
  const times = await stream(`${url}/v1/chat/completions`, body, (event) => {
    if (event.error) throw new Error(`${url}: ${JSON.stringify(event.error)}`)
    if (event.usage) usage = event.usage
    const piece = event.choices?.[0]?.delta?.content ?? ''
    text += piece
    return piece !== ''
  })
  return { ...times, content: text.trim() === '' ? [] : [{ type: 'text', text }], usage }
}

/** Calls `onEvent` with each event's data; it says whether it is content. Without any, the first content is the end. */
async function stream(url, body, onEvent) {
  const headers = { 'content-type': 'application/json' }
  const began = performance.now()
  const response = await fetch(url, { method: 'POST', headers, body: JSON.stringify(body) })
  if (!response.ok) throw new Error(`${url}: ${response.status} ${await response.text()}`)
  const decoder = new TextDecoder()
  let first
  let rest = ''
  for await (const piece of response.body) {
    const lines = (rest + decoder.decode(piece, { stream: true })).split('\n')
    rest = lines.pop()
    for (const line of lines) {
      if (!line.startsWith('data:') || line.includes('[DONE]')) continue
      if (onEvent(JSON.parse(line.slice(5)))) first ??= performance.now() - began
    }
  }
  const all = performance.now() - began
  return { first: first ?? all, all }
}
