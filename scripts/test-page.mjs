// npm run test:page: the live page in a real browser, while the demo model answers. Needs Chromium, so .ci/run has it not.
// Screenshots go to build/page/, to be looked at.
import assert from 'node:assert/strict'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { onRightNode } from './node-version.cjs'

const KEY = 'a key of this test'
const EVIL = '<img src=x onerror=document.title=1>/1.0'

onRightNode(async () => {
  const { root, script, setup } = await import('./setup.mjs')
  await script(async () => {
    await setup()
    const { openBrowser } = await import('./page/browser.mjs')
    const { loadModel, serve } = await import('../dist/index.js')
    const folder = join(root, 'build', 'page')
    mkdirSync(folder, { recursive: true })
    const model = await loadModel('demo')
    const browser = await openBrowser().catch((error) => {
      console.error(`test:page: ${error.message}`)
      return undefined
    })
    if (!browser) return 1
    const open = await serve(model, { port: 0 })
    const locked = await serve(model, { port: 0, apiKeys: { laptop: KEY } })
    const clients = keepAsking([open.url, locked.url])
    try {
      for (const dark of [false, true]) {
        for (const width of [360, 1280]) await look({ browser, open, locked, folder, width, dark })
      }
      console.log(`ok: the page and its key, at 360 and 1280 pixels, light and dark. Screenshots: ${folder}`)
    } finally {
      await clients.end()
      await browser.close()
      await Promise.all([open.close(), locked.close()])
      await model.close()
    }
  })
})

async function look({ browser, open, locked, folder, width, dark }) {
  const shot = async (page, name) =>
    writeFileSync(join(folder, `${name}-${width}-${dark ? 'dark' : 'light'}.png`), await page.screenshot())

  const page = await browser.newPage()
  await page.open(`${open.url}/`, { width, dark })
  await page.until(`document.querySelectorAll('#requests tr').length >= 2`)
  await page.until(`document.querySelector('#written-plot polyline')`)
  await page.until(`[...document.querySelectorAll('#requests td')].some((cell) => cell.textContent === 'writing')`)
  await shot(page, 'open')
  await checkPage(page, open.url)
  await page.close()

  const visitor = await browser.newPage()
  await visitor.open(`${locked.url}/`, { width, dark })
  await visitor.until(`document.activeElement?.id === 'key'`)
  await shot(visitor, 'locked')
  assert.equal(
    await visitor.evaluate(`document.getElementById('live').hidden`),
    true,
    'nothing is shown without the key',
  )
  await checkPage(visitor, locked.url)
  await visitor.type('another key')
  await visitor.press('Enter', 13)
  await visitor.until(`document.getElementById('wrong').textContent !== ''`)
  assert.match(
    visitor.faults.splice(0).join('\n'),
    /^[^\n]*401[^\n]*$/,
    'the browser itself notes the wrong key, nothing else',
  )
  await shot(visitor, 'wrong')
  await visitor.type(KEY)
  await visitor.press('Enter', 13)
  await visitor.until(`document.querySelectorAll('#requests tr').length >= 1`)
  await visitor.until(`document.getElementById('requests').textContent.includes('laptop')`)
  assert.deepEqual(
    await visitor.evaluate(`[Object.keys(sessionStorage).length, Object.keys(localStorage).length]`),
    [1, 0],
  )
  await visitor.open(`${locked.url}/`, { width, dark })
  await visitor.until(`document.querySelectorAll('#requests tr').length >= 1`)
  await checkPage(visitor, locked.url)
  await visitor.close()
}

/** What holds for the page in every state. */
async function checkPage(page, origin) {
  assert.deepEqual(page.faults, [], 'the console has no error')
  const foreign = page.requests.filter(
    (url) => !url.startsWith(`${origin}/`) && !url.startsWith('data:') && url !== 'about:blank',
  )
  assert.deepEqual(foreign, [], 'no request leaves the origin')
  assert.ok(
    await page.evaluate('document.documentElement.scrollWidth <= document.documentElement.clientWidth'),
    'nothing is wider than the window',
  )
  assert.equal(await page.evaluate(`document.querySelectorAll('main img').length`), 0, 'texts of clients are text')
  assert.deepEqual(await page.evaluate(`(${faint})()`), [], 'every text has a contrast of 4.5 or more')
  const nodes = await page.accessibility()
  for (const role of ['banner', 'main', 'contentinfo', 'heading', 'status']) {
    assert.ok(
      nodes.some((node) => node.role === role),
      `there is a ${role}`,
    )
  }
  const named = ['region', 'image', 'table', 'textbox', 'button', 'progressbar', 'progressindicator', 'link', 'heading']
  const nameless = nodes.filter(({ role, name }) => named.includes(role) && name === '')
  assert.deepEqual(nameless, [], 'everything that is shown or used has a name')
  if (await page.evaluate(`document.getElementById('live').hidden`)) {
    assert.ok(nodes.some(({ role, name }) => role === 'textbox' && name === 'Key'))
    return
  }
  const regions = nodes.filter(({ role }) => role === 'region').map(({ name }) => name.replace(/ \d.*/, ''))
  assert.deepEqual(regions, ['Requests', 'Writing answers', 'Reading prompts', 'Memory', 'Prefix cache', 'Last errors'])
  const plots = nodes.filter(
    ({ role, name }) => role === 'image' && /^Tokens .* now [\d,.]+, at most [\d,.]+/.test(name),
  )
  assert.equal(plots.length, 2, 'both plots say their numbers in words')
  assert.ok(
    nodes.some(({ role, name }) => role === 'columnheader' && name === 'Client'),
    'columns have headers',
  )
  assert.ok(
    nodes.some(({ role }) => role === 'rowheader'),
    'rows have headers',
  )
}

/** Runs on the page: texts that are too faint, with their contrast. */
function faint() {
  const numbers = (colour) => colour.match(/[\d.]+/g).map(Number)
  const light = (colour) => {
    const [r, g, b] = numbers(colour).map((value) => {
      const part = value / 255
      return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4
    })
    return 0.2126 * r + 0.7152 * g + 0.0722 * b
  }
  const ground = (element) => {
    for (let at = element; at; at = at.parentElement) {
      const colour = getComputedStyle(at).backgroundColor
      if (numbers(colour)[3] !== 0) return colour
    }
    return 'rgb(255, 255, 255)'
  }
  const found = []
  for (const element of document.querySelectorAll('body *')) {
    const hasText = [...element.childNodes].some((node) => node.nodeType === 3 && node.textContent.trim() !== '')
    if (!hasText || !element.checkVisibility()) continue
    const [one, two] = [light(getComputedStyle(element).color), light(ground(element))]
    const contrast = (Math.max(one, two) + 0.05) / (Math.min(one, two) + 0.05)
    if (contrast < 4.5) found.push(`${element.tagName} ${element.textContent.slice(0, 40)}: ${contrast.toFixed(2)}`)
  }
  return found
}

/** Clients that ask on and on until they are ended: for long answers, with long prompts, and for what is refused. */
function keepAsking(urls) {
  const leaving = new AbortController()
  const ask = async (url, agent, body) => {
    const headers = { 'content-type': 'application/json', 'x-api-key': KEY, 'user-agent': agent }
    const about = { method: 'POST', headers, body: JSON.stringify(body), signal: leaving.signal }
    await fetch(`${url}/v1/messages`, about).then(
      (answer) => answer.text(),
      () => {},
    )
  }
  const message = (content, max_tokens) => ({ model: 'demo', max_tokens, messages: [{ role: 'user', content }] })
  const loop = async (one) => {
    for (let round = 0; !leaving.signal.aborted; round++) await one(round)
  }
  const story = (round) => `${round} Tell me about lanterns and rivers. `.repeat(40 + (round % 5) * 60)
  const loops = urls.flatMap((url) => [
    loop((round) => ask(url, 'claude-cli/2.1.330 (external, cli)', { ...message(story(round), 400), temperature: 1 })),
    loop((round) => ask(url, EVIL, { ...message(story(round + 3), 300), temperature: 1 })),
    loop(async (round) => {
      if (round < 3) await ask(url, 'odd-client/0.1', { messages: 'not a list' })
      await new Promise((resolve) => setTimeout(resolve, 200))
    }),
  ])
  return {
    async end() {
      leaving.abort()
      await Promise.all(loops)
    },
  }
}
