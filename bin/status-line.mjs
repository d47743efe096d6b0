#!/usr/bin/env node
// The status line of Claude Code: model, window used, cache hit, speed, and how far a long prompt has been read.
// Claude Code runs it every few seconds, so it imports nothing of tether and never takes longer than 300 ms.
//
// Its one argument is the settings file that tether wrote for Claude Code: private, with the server's address and key.
// What Claude Code knows of the conversation comes as JSON on standard input.
import { readFileSync } from 'node:fs'

const timeoutMs = 300

setTimeout(() => process.exit(0), timeoutMs)
try {
  const { env } = JSON.parse(readFileSync(process.argv[2], 'utf8'))
  const [status, session] = await Promise.all([ask(env), readSession()])
  process.stdout.write(`${line(status, session)}\n`, () => process.exit(0))
} catch {
  // Without a server there is no line; errors show elsewhere.
  process.exit(0)
}

/** -> what GET /status answers (src/server/status.ts) */
async function ask({ ANTHROPIC_BASE_URL: url, ANTHROPIC_AUTH_TOKEN: key, NODE_EXTRA_CA_CERTS: certificates }) {
  const isSecure = url.startsWith('https:')
  const { get } = await import(isSecure ? 'node:https' : 'node:http')
  const trust = isSecure && certificates ? { ca: readFileSync(certificates) } : {}
  const options = { ...trust, headers: { authorization: `Bearer ${key}` } }
  return new Promise((resolve, reject) => {
    const request = get(`${url}/status`, options, async (response) => {
      try {
        const body = await text(response)
        if (response.statusCode !== 200) throw new Error(`the server answered ${response.statusCode}`)
        resolve(JSON.parse(body))
      } catch (error) {
        reject(error)
      }
    })
    request.on('error', reject)
  })
}

/** -> {} if the input is not JSON; then the server's own numbers are shown */
async function readSession() {
  if (process.stdin.isTTY) return {}
  try {
    return JSON.parse(await text(process.stdin)) ?? {}
  } catch {
    return {}
  }
}

async function text(stream) {
  const chunks = []
  for await (const chunk of stream) chunks.push(chunk)
  return Buffer.concat(chunks).toString()
}

function line(status, session) {
  const { prefill, queued, last } = status
  const window = session.context_window?.context_window_size ?? status.window
  const usage = usageOf(session) ?? last
  const used = prefill ? prefill.total : usage ? usage.inputTokens + usage.outputTokens : 0
  const speed = prefill ? null : last?.tokensPerSecond
  // In the order of the line; those with the lowest rank stay the longest where it is narrow.
  const parts = [{ rank: 4, forms: [nameOf(status, session)], code: '36' }, ofWindow(used, window)]
  if (prefill) parts.push(reading(prefill, window))
  else if (usage?.inputTokens > 0)
    parts.push({ rank: 6, forms: [`cache ${percent(usage.cachedTokens, usage.inputTokens)}`] })
  if (speed) parts.push({ rank: 3, forms: [`${speed.toFixed(speed < 10 ? 1 : 0)} tok/s`] })
  if (queued > 0) parts.push({ rank: 5, forms: [`${queued} waiting`] })
  return fitting(parts, roomFor(process.env.COLUMNS)).join(paint('2', ' · '))
}

/** Claude Code says how wide its terminal is, and indents the line by two columns on either side. */
function roomFor(columns) {
  return /^\d+$/.test(columns ?? '') ? Number(columns) - 4 : Number.POSITIVE_INFINITY
}

/** Each part in its longest form that fits, and no part that does not. */
function fitting(parts, room) {
  const shown = new Map()
  let left = room
  for (const part of parts.toSorted((one, other) => one.rank - other.rank)) {
    const between = shown.size > 0 ? 3 : 0
    const form = part.forms.find((text) => between + widthOf(text) <= left)
    if (form === undefined) continue
    shown.set(part, part.code ? paint(part.code, form) : form)
    left -= between + widthOf(form)
  }
  return parts.filter((part) => shown.has(part)).map((part) => shown.get(part))
}

/** In columns: the letters of East Asia take two. */
function widthOf(text) {
  return [...text].reduce((sum, character) => sum + (character.codePointAt(0) < 0x1100 ? 1 : 2), 0)
}

function reading({ done, total }, window) {
  const short = `reading ${percent(done, total)}`
  return { rank: 2, forms: [`${short} of ${thousands(total, thousandOf(window))} tokens`, short], code: '33' }
}

/** Without control characters: a folder's name may contain some, and a terminal would obey them. */
function nameOf(status, session) {
  const name = session.model?.display_name ?? status.model
  return String(name)
    .replace(/ \(tether\)$/, '')
    .replace(/\p{Cc}/gu, '')
}

/** The usage of the conversation on the screen: the server's last answer may have been a subagent's. */
function usageOf(session) {
  const usage = session.context_window?.current_usage
  if (!usage) return undefined
  const { input_tokens = 0, cache_creation_input_tokens = 0, cache_read_input_tokens = 0, output_tokens = 0 } = usage
  return {
    inputTokens: input_tokens + cache_creation_input_tokens + cache_read_input_tokens,
    cachedTokens: cache_read_input_tokens,
    outputTokens: output_tokens,
  }
}

function ofWindow(used, window) {
  const thousand = thousandOf(window)
  const share = percent(used, window)
  const forms = [`${thousands(used, thousand)} of ${thousands(window, thousand)} (${share})`, share]
  return { rank: 1, forms, code: used > window * 0.75 ? '33' : undefined }
}

/** Windows are mostly powers of two; what fills one is counted as it is. */
function thousandOf(window) {
  return window % 1024 === 0 ? 1024 : 1000
}

function percent(part, whole) {
  return `${Math.floor((100 * part) / whole)}%`
}

function thousands(tokens, thousand) {
  const count = tokens / thousand
  if (count < 1) return String(tokens)
  return `${count.toFixed(count < 9.95 && tokens % thousand !== 0 ? 1 : 0)}k`
}

function paint(code, words) {
  return process.env.NO_COLOR ? words : `\u001b[${code}m${words}\u001b[0m`
}
