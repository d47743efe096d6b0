/** Keeps an agent's requests to the server away from the user's proxy. */
import type { Env } from './agent.js'

/** Adds the server's host to the user's proxy exceptions, in both spellings of the variable. */
export function noProxy(inherited: Env, url: string): Record<string, string> {
  const host = new URL(url).hostname.replace(/^\[|\]$/g, '')
  const needed = [...new Set(['127.0.0.1', 'localhost', host])]
  const append = (text = '') => {
    const there = text.split(',').map((item) => item.trim())
    if (there.includes('*')) return text
    return [...there.filter(Boolean), ...needed.filter((item) => !there.includes(item))].join(',')
  }
  const { NO_PROXY, no_proxy } = inherited
  if (no_proxy === undefined) return { NO_PROXY: append(NO_PROXY) }
  return { NO_PROXY: append(NO_PROXY || no_proxy), no_proxy: append(no_proxy) }
}
