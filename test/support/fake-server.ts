/** A server on a real port with a fake engine, and a client that sends it one request. */

import { Agent, request } from 'undici'
import { onTestFinished } from 'vitest'
import { type LogLine, type ServeOptions, type Server, serve } from '../../src/server/serve.js'
import type { FakeEngine } from './fake-engine.js'
import { fakeModel } from './fake-model.js'

export interface FakeServer extends Server {
  lines: LogLine[]
}

/** Starts a server, which is closed when the test ends. */
export async function serveFake(engine: FakeEngine, options: ServeOptions = {}): Promise<FakeServer> {
  const lines: LogLine[] = []
  const server = await serve(fakeModel(engine), { port: 0, onLog: (line) => lines.push(line), ...options })
  onTestFinished(() => server.close())
  return { ...server, lines }
}

export interface Reply {
  status: number
  headers: Record<string, string | string[] | undefined>
  text: string
  // biome-ignore lint/suspicious/noExplicitAny: tests reach into bodies of every shape
  json: any
}

/** Sends one request on a new connection. */
export async function ask(
  url: string,
  init: { method?: string; headers?: object; body?: unknown } = {},
): Promise<Reply> {
  const agent = new Agent()
  const body = init.body === undefined || typeof init.body === 'string' ? init.body : JSON.stringify(init.body)
  try {
    const answer = await request(url, {
      dispatcher: agent,
      method: (init.method ?? (body === undefined ? 'GET' : 'POST')) as 'GET',
      headers: init.headers as Record<string, string>,
      body,
    })
    const text = await answer.body.text()
    const isJson = String(answer.headers['content-type']).startsWith('application/json') && text !== ''
    return { status: answer.statusCode, headers: answer.headers, text, json: isJson ? JSON.parse(text) : undefined }
  } finally {
    await agent.destroy()
  }
}

/** The body of a small request. */
export function hello(more: object = {}): object {
  return { model: 'some-model', max_tokens: 1000, messages: [{ role: 'user', content: 'hi' }], ...more }
}
