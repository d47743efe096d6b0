// Chromium without a window, driven through its DevTools protocol.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { WebSocket } from 'undici'

const NAMES = ['chromium', 'chromium-browser', 'google-chrome']

/** Starts the browser. Throws where there is none. -> pages and the end of it */
export async function openBrowser() {
  const profile = mkdtempSync(join(tmpdir(), 'tether-page-'))
  const flags = [
    ...['--headless=new', '--remote-debugging-port=0', `--user-data-dir=${profile}`, '--no-first-run'],
    ...[
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
      '--disable-gpu',
      '--hide-scrollbars',
    ],
    // Chromium's sandbox refuses to run for root, as in containers.
    ...(process.getuid?.() === 0 ? ['--no-sandbox'] : []),
  ]
  // Its helpers may still write for a moment after it has ended.
  const forget = () => rm(profile, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 })
  const child = await start(flags).catch(async (error) => {
    await forget()
    throw error
  })
  const socket = new WebSocket(await addressOf(child))
  await new Promise((resolve, reject) => {
    socket.addEventListener('open', resolve)
    socket.addEventListener('error', reject)
  })
  const connection = connect(socket)
  return {
    newPage: () => newPage(connection),
    async close() {
      socket.close()
      if (child.exitCode === null) {
        child.kill()
        await once(child, 'exit')
      }
      await forget()
    },
  }
}

async function start(flags) {
  for (const name of NAMES) {
    const child = spawn(name, flags, { stdio: ['ignore', 'ignore', 'pipe'] })
    const started = await Promise.race([once(child, 'spawn').then(() => true), once(child, 'error').then(() => false)])
    if (started) return child
  }
  throw new Error(`this needs Chromium on PATH (${NAMES.join(', ')}): on Debian apt-get install chromium`)
}

async function addressOf(child) {
  for await (const line of createInterface({ input: child.stderr })) {
    const address = /DevTools listening on (ws:\S+)/.exec(line)?.[1]
    if (address) {
      child.stderr.resume()
      return address
    }
  }
  throw new Error('Chromium ended before it listened')
}

/** Commands get their answers by number; events go to those who listen. */
function connect(socket) {
  const open = new Map()
  const listeners = []
  let last = 0
  socket.addEventListener('message', ({ data }) => {
    const message = JSON.parse(data)
    const waiting = open.get(message.id)
    if (!waiting) {
      for (const listener of listeners) listener(message)
      return
    }
    open.delete(message.id)
    if (message.error) waiting.reject(new Error(`${waiting.method}: ${message.error.message}`))
    else waiting.resolve(message.result)
  })
  return {
    send(method, params = {}, sessionId = undefined) {
      last++
      const id = last
      socket.send(JSON.stringify({ id, method, params, sessionId }))
      return new Promise((resolve, reject) => open.set(id, { resolve, reject, method }))
    },
    listen: (listener) => listeners.push(listener),
  }
}

/** A page in a profile of its own. `faults`: what its console said in red; `requests`: every address it asked. */
async function newPage(connection) {
  const { browserContextId } = await connection.send('Target.createBrowserContext')
  const { targetId } = await connection.send('Target.createTarget', { url: 'about:blank', browserContextId })
  const { sessionId } = await connection.send('Target.attachToTarget', { targetId, flatten: true })
  const send = (method, params) => connection.send(method, params, sessionId)
  const faults = []
  const requests = []
  connection.listen(({ sessionId: its, method, params }) => {
    if (its !== sessionId) return
    if (method === 'Network.requestWillBeSent') requests.push(params.request.url)
    if (method === 'Runtime.exceptionThrown') faults.push(params.exceptionDetails.text)
    if (method === 'Log.entryAdded' && params.entry.level === 'error') faults.push(params.entry.text)
    if (method === 'Runtime.consoleAPICalled' && params.type === 'error') faults.push('console.error')
  })
  for (const domain of ['Page', 'Runtime', 'Network', 'Log', 'Accessibility']) await send(`${domain}.enable`)
  const evaluate = async (expression) => {
    const { result, exceptionDetails } = await send('Runtime.evaluate', {
      expression,
      returnByValue: true,
      awaitPromise: true,
    })
    if (exceptionDetails) throw new Error(`${expression}: ${exceptionDetails.exception?.description}`)
    return result.value
  }
  return {
    faults,
    requests,
    evaluate,
    async open(url, { width, dark }) {
      await send('Emulation.setDeviceMetricsOverride', { width, height: 900, deviceScaleFactor: 1, mobile: false })
      await send('Emulation.setEmulatedMedia', {
        features: [{ name: 'prefers-color-scheme', value: dark ? 'dark' : 'light' }],
      })
      await send('Page.navigate', { url })
    },
    /** Waits until an expression is true on the page. */
    async until(expression, ms = 15_000) {
      const end = performance.now() + ms
      while (!(await evaluate(`Boolean(${expression})`))) {
        if (performance.now() > end) throw new Error(`not true within ${ms} ms: ${expression}`)
        await new Promise((resolve) => setTimeout(resolve, 50))
      }
    },
    type: (text) => send('Input.insertText', { text }),
    async press(key, code) {
      const about = { key, code: key, windowsVirtualKeyCode: code, text: key === 'Enter' ? '\r' : undefined }
      await send('Input.dispatchKeyEvent', { type: 'keyDown', ...about })
      await send('Input.dispatchKeyEvent', { type: 'keyUp', ...about })
    },
    /** Role and name of everything that a screen reader gets. */
    async accessibility() {
      const { nodes } = await send('Accessibility.getFullAXTree')
      return nodes
        .filter(({ ignored }) => !ignored)
        .map(({ role, name }) => ({ role: role?.value, name: name?.value ?? '' }))
    },
    /** The whole page as PNG. */
    async screenshot() {
      const { data } = await send('Page.captureScreenshot', { captureBeyondViewport: true })
      return Buffer.from(data, 'base64')
    },
    close: () => connection.send('Target.disposeBrowserContext', { browserContextId }),
  }
}
