/** GET /: the live page for browsers, JSON for programs. */
import { createHash } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { speaks } from '../support/fake-engine.js'
import { ask, serveFake } from '../support/fake-server.js'

const browser = { accept: 'text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8' }

describe('/', () => {
  it('is a page for a browser, and JSON for every other client, without a key', async () => {
    const { url } = await serveFake(speaks(), { apiKey: 'secret' })
    const page = await ask(url, { headers: browser })
    expect([page.status, page.headers['content-type']]).toEqual([200, 'text/html; charset=utf-8'])
    for (const accept of ['*/*', 'application/json', undefined]) {
      const { status, json, headers } = await ask(url, { headers: accept ? { accept } : {} })
      expect([status, json.server, headers.vary]).toEqual([200, 'tether', 'accept'])
    }
    expect((await ask(url, { method: 'HEAD' })).status).toBe(200)
  })

  it('has its one style and its one script in it, and lets no other run', async () => {
    const { url } = await serveFake(speaks())
    const { text, headers } = await ask(url, { headers: browser })
    const policy = String(headers['content-security-policy'])
    expect(policy).toContain("default-src 'none'")
    for (const name of ['style', 'script']) {
      const all = [...text.matchAll(new RegExp(`<${name}[^>]*>([^]*?)</${name}>`, 'g'))]
      expect(all).toHaveLength(1)
      const [whole = '', inside = ''] = all[0] ?? []
      expect(whole.startsWith(`<${name}>`)).toBe(true)
      expect(inside.length).toBeGreaterThan(1000)
      expect(policy).toContain(`${name}-src 'sha256-${createHash('sha256').update(inside).digest('base64')}'`)
    }
    expect(text).not.toMatch(/ on\w+=| style=|(?:src|href)="(?!data:)|https?:\/\/(?!www\.w3\.org)/)
  })

  it('writes no text of a client as markup', async () => {
    const { url } = await serveFake(speaks())
    const { text } = await ask(url, { headers: browser })
    expect(text).not.toMatch(/innerHTML|outerHTML|insertAdjacentHTML|document\.write|DOMParser|\beval\b/)
  })

  it('tells the page whether to ask for a key', async () => {
    const open = await serveFake(speaks())
    const locked = await serveFake(speaks(), { apiKey: 'secret' })
    expect((await ask(open.url, { headers: browser })).text).not.toContain('<body data-needs-key>')
    expect((await ask(locked.url, { headers: browser })).text).toContain('<body data-needs-key>')
  })
})
