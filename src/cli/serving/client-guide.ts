/** What a person needs to know to use the server with a client of their own. */
import { networkInterfaces } from 'node:os'
import type { ModelInfo } from '../../index.js'
import { maxOutputFor } from '../claude/claude-window.js'
import { kvBitsText } from './kv-bits-text.js'

export interface ServedModel {
  /** As this machine reaches it. */
  url: string
  /** What was asked for. */
  host: string
  /** Unset: the server is open, to this machine alone. */
  key?: string
  /** The model's, for people. */
  name: string
  info: ModelInfo
}

/** Lines for stdout: what serves, what a client is to be told, and how to check it. */
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

/** The same server under the addresses that this machine has for others. */
function others(host: string, url: string): string[] {
  if (host !== '0.0.0.0' && host !== '::') return []
  const { port } = new URL(url)
  const addresses = Object.values(networkInterfaces()).flatMap((list) => list ?? [])
  return addresses
    .filter(({ internal, family }) => !internal && family === 'IPv4')
    .map(({ address }) => `http://${address}:${port}`)
}
