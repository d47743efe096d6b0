/** How to use the server with another client: its address, variables to set, and a command to check it. */
import { networkInterfaces } from 'node:os'
import type { ModelInfo } from '../../index.js'
import { maxOutputFor } from '../claude/claude-window.js'
import { kvBitsText } from './kv-bits-text.js'

export interface ServedModel {
  /** Its address on this machine. */
  url: string
  /** The address that it listens on. */
  host: string
  /** Unset: the server needs none, and only this machine can reach it. */
  key?: string
  /** The model's name, as shown to the user. */
  name: string
  info: ModelInfo
}

/** -> text for stdout */
export function clientGuide({ url, host, key, name, info }: ServedModel): string {
  const variables: [name: string, value: string][] = [
    ['ANTHROPIC_BASE_URL', url],
    ['ANTHROPIC_AUTH_TOKEN', key ?? 'any'],
    ['ANTHROPIC_MODEL', 'tether-local'],
    ['ANTHROPIC_DEFAULT_OPUS_MODEL', 'tether-local'],
    ['ANTHROPIC_DEFAULT_SONNET_MODEL', 'tether-local'],
    ['ANTHROPIC_DEFAULT_HAIKU_MODEL', 'tether-local'],
    ['CLAUDE_CODE_SUBAGENT_MODEL', 'tether-local'],
    ['CLAUDE_CODE_MAX_CONTEXT_TOKENS', String(info.window)],
    ['CLAUDE_CODE_MAX_OUTPUT_TOKENS', String(maxOutputFor(info.window))],
    ['CLAUDE_CODE_ATTRIBUTION_HEADER', '0'],
    ['NO_PROXY', '"$NO_PROXY,127.0.0.1,localhost"'],
  ]
  return [
    `${name} (${info.quantization}, window of ${info.window} tokens, ${info.device}${kvBitsText(info)}) on ${url}`,
    ...others(host, url).map((other) => `for other machines: ${other}`),
    '',
    'For another client:',
    ...variables.map(([name, value]) => `  export ${name}=${value}`),
    '',
    'To check:',
    `  curl -s ${url}/v1/messages \\`,
    "    -H 'content-type: application/json' \\",
    ...(key ? [`    -H 'authorization: Bearer ${key}' \\`] : []),
    `    -d '{"model":"tether-local","max_tokens":50,`,
    `         "messages":[{"role":"user","content":"Say pineapple."}]}'`,
    '',
    'Ctrl-C stops it.',
    '',
  ].join('\n')
}

/** The server's addresses for other machines. */
function others(host: string, url: string): string[] {
  if (host !== '0.0.0.0' && host !== '::') return []
  const { port } = new URL(url)
  const addresses = Object.values(networkInterfaces()).flatMap((list) => list ?? [])
  return addresses
    .filter(({ internal, family }) => !internal && family === 'IPv4')
    .map(({ address }) => `http://${address}:${port}`)
}
