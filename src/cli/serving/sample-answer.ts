/** Sends the server one small request, to show that everything between socket and model works. */
import type { Message } from '../../index.js'
import { escapeControls } from '../../one-line.js'

const prompt = 'Say pineapple.'

/** -> the answer with how long it took, for the user: it is too short to tell a speed. Rejects if the server answers with an error. */
export async function sampleAnswer(url: string, key?: string): Promise<string> {
  // Imported here: it takes 80 ms, which the picker would open later.
  const { request } = await import('undici')
  const started = performance.now()
  const { statusCode, body } = await request(`${url}/v1/messages`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...(key ? { authorization: `Bearer ${key}` } : {}) },
    body: JSON.stringify({ model: 'tether-local', max_tokens: 50, messages: [{ role: 'user', content: prompt }] }),
    reset: true,
  })
  const answer = (await body.json()) as Message
  if (statusCode !== 200) throw new Error(`the server answered ${statusCode}: ${JSON.stringify(answer)}`)
  const seconds = (performance.now() - started) / 1000
  const text = answer.content.map((block) => (block.type === 'text' ? block.text : '')).join('')
  const { output_tokens: tokens } = answer.usage
  return `"${prompt}" -> ${escapeControls(JSON.stringify(text.trim()))} (${tokens} tokens in ${seconds.toFixed(2)} s)`
}
