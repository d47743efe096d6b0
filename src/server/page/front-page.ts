/** GET /: for a browser the live page, one file with its style and script in it; for other clients where to go on. */
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { json } from '../body.js'

/** Browsers ask for HTML by name; `*` alone is a program. */
export function frontPage(request: Request, { needsKey }: { needsKey: boolean }): Response {
  const response = /\btext\/html\b/i.test(request.headers.get('accept') ?? '') ? page(needsKey) : json(places)
  response.headers.set('vary', 'accept')
  return response
}

const places = {
  server: 'tether',
  health: '/health',
  status: '/status',
  activity: '/activity',
  metrics: '/metrics',
  models: '/v1/models',
}

let built: { text: string; policy: string } | undefined

function page(needsKey: boolean): Response {
  built ??= build()
  // Without this the page would have to be refused once, which a browser's console shows as an error.
  const text = needsKey ? built.text.replace('<body>', '<body data-needs-key>') : built.text
  return new Response(text, {
    headers: {
      'content-type': 'text/html; charset=utf-8',
      'content-security-policy': built.policy,
      'cache-control': 'no-cache',
      'referrer-policy': 'no-referrer',
      'x-content-type-options': 'nosniff',
    },
  })
}

/** The page runs its own script and style alone, asks its own server alone, and stands in no frame. */
function build(): { text: string; policy: string } {
  const [html, style, script] = ['page.html', 'page.css', 'page.js'].map((name) =>
    readFileSync(new URL(name, import.meta.url), 'utf8'),
  ) as [string, string, string]
  const text = html
    .replace('<style></style>', () => `<style>${style}</style>`)
    .replace('<script></script>', () => `<script>${script}</script>`)
  const policy = [
    "default-src 'none'",
    `style-src '${digest(style)}'`,
    `script-src '${digest(script)}'`,
    "connect-src 'self'",
    'img-src data:',
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ]
  return { text, policy: policy.join('; ') }
}

function digest(text: string): string {
  return `sha256-${createHash('sha256').update(text).digest('base64')}`
}
