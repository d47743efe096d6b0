// The live page: asks the server what it does, and shows the answer. Texts of clients are set as text, never as markup.
// front-page.ts puts this file, its style and its markup into one.

const KEY = 'tether-key'
const SVG = 'http://www.w3.org/2000/svg'
/** Milliseconds between two questions: while requests run, while none do, and while the server does not answer. */
const PACE = { busy: 1000, idle: 2000, gone: 3000 }
const KINDS = {
  weights: 'weights of the model',
  kv: 'prompts and answers under way',
  prefix: 'kept for later prompts',
  scratch: 'scratch space',
  freed: 'freed, to be used again',
}
const STATES = { loading: 'loading', preparing: 'arriving', waiting: 'waiting', reading: 'reading', writing: 'writing' }

/** Five minutes of them fill a plot. */
const STEPS = 150

const at = (id) => document.getElementById(id)
let timer

/** Sets a text only where it differs, so that a screen reader is not told the same again. */
function say(id, text) {
  const element = at(id)
  if (element.textContent !== text) element.textContent = text
}

function make(name, text, className) {
  const element = document.createElement(name)
  if (text !== undefined) element.textContent = text
  if (className) element.className = className
  return element
}

function draw(name, attributes) {
  const element = document.createElementNS(SVG, name)
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value)
  return element
}

const whole = new Intl.NumberFormat('en', { maximumFractionDigits: 0 })
const short = new Intl.NumberFormat('en', { notation: 'compact', maximumFractionDigits: 1 })

function rate(value) {
  return value > 0 && value < 10 ? value.toFixed(1) : whole.format(value)
}

function size(bytes) {
  const units = ['B', 'kB', 'MB', 'GB', 'TB']
  let unit = 0
  let value = bytes
  while (value >= 1000 && unit < units.length - 1) {
    value /= 1000
    unit++
  }
  return `${unit < 2 || value >= 100 ? value.toFixed(0) : value.toFixed(1)} ${units[unit]}`
}

function share(part, all) {
  return all > 0 ? `${Math.floor((100 * part) / all)}%` : '0%'
}

function span(seconds) {
  if (seconds < 60) return `${seconds < 10 && seconds % 1 > 0 ? seconds.toFixed(1) : Math.round(seconds)} s`
  const minutes = Math.floor(seconds / 60)
  if (minutes < 60) return `${minutes} min ${Math.round(seconds % 60)} s`
  if (minutes < 48 * 60) return `${Math.floor(minutes / 60)} h ${minutes % 60} min`
  return `${Math.floor(minutes / 60 / 24)} days`
}

async function ask() {
  clearTimeout(timer)
  let pace = PACE.gone
  try {
    const key = sessionStorage.getItem(KEY)
    if (key === null && 'needsKey' in document.body.dataset) return askForKey(key)
    const headers = key === null ? {} : { authorization: `Bearer ${key}` }
    const answer = await fetch('/activity', { headers, cache: 'no-store', signal: AbortSignal.timeout(10_000) })
    if (answer.status === 401) return askForKey(key)
    if (!answer.ok) throw new Error(String(answer.status))
    const report = await answer.json()
    show(report)
    pace = report.requests.length > 0 || report.state === 'loading' ? PACE.busy : PACE.idle
  } catch {
    showState('gone', 'not reachable')
  }
  if (!document.hidden) timer = setTimeout(ask, pace)
}

/** `given`: a key that the server does not know. */
function askForKey(given) {
  sessionStorage.removeItem(KEY)
  showState('', 'locked')
  at('live').hidden = true
  at('unlock').hidden = false
  say('wrong', given === null ? '' : 'The server does not know this key.')
  at('key').focus()
}

function showState(kind, text) {
  at('state').className = `state ${kind}`
  say('state', text)
}

function show(report) {
  at('unlock').hidden = true
  at('live').hidden = false
  if (report.state === 'ready') showState('ready', 'ready')
  else if (report.state === 'failed') showState('gone', report.message ?? 'failed')
  else showState('', report.message ?? 'loading')
  showModel(report)
  say('models', (report.models ?? []).map(modelState).join(' · '))
  showRequests(report.requests)
  showSpeed('written', 'generated', report.speed)
  showSpeed('read', 'read', report.speed)
  if (report.memory) showMemory(report.memory)
  if (report.cache) showCache(report)
  showErrors(report.errors)
}

/** Of one of several models. */
function modelState({ name, state, progress, live, queued, weights, message }) {
  if (state === 'unloaded') return `${name}: not loaded`
  if (state === 'failed') return `${name}: ${message ?? 'failed'}`
  if (state === 'loading')
    return progress === undefined ? `${name}: waiting for memory` : `${name}: loading ${share(progress, 1)}`
  return `${name}: ${size(weights)}, ${live + queued === 0 ? 'idle' : `${live} running, ${queued} waiting`}`
}

function showModel({ model, uptimeSeconds }) {
  if (!model) return
  say('model', model.name)
  const { quantization, device, window: tokens } = model
  const facts = [
    quantization,
    device,
    `window of ${whole.format(tokens)} tokens`,
    `up ${span(Math.floor(uptimeSeconds))}`,
  ]
  // A line breaks between two of them.
  say('facts', facts.map((fact) => fact.replaceAll(' ', '\u00a0')).join(' · '))
  document.title = `${model.name} · tether`
}

function showRequests(requests) {
  const waiting = requests.filter(({ state }) => state === 'waiting').length
  say('requests-count', requests.length === 0 ? '' : `${requests.length - waiting} live, ${waiting} waiting`)
  at('requests-none').hidden = requests.length > 0
  at('requests-table').hidden = requests.length === 0
  at('requests').replaceChildren(...requests.map(requestRow))
}

function requestRow(request) {
  const row = make('tr')
  const { state, promptTokens, readTokens, cachedTokens, outputTokens } = request
  row.append(clientCell(request), stateCell(request))
  const isKnown = state !== 'preparing' && state !== 'loading'
  const isStarted = state === 'reading' || state === 'writing'
  row.append(make('td', isKnown ? whole.format(promptTokens) : '–', 'number'))
  row.append(make('td', isStarted && readTokens > 0 ? share(cachedTokens, promptTokens) : '–', 'number spare'))
  row.append(make('td', whole.format(outputTokens), 'number'))
  row.append(make('td', span(request.seconds), 'number'))
  return row
}

/** The first word says who it is; the whole text is in the title. */
function nameOf(client) {
  return /^[^\s/]+/.exec(client)?.[0] ?? 'unknown'
}

function clientCell({ client, key, session, path }) {
  const cell = make('th')
  cell.scope = 'row'
  cell.append(nameOf(client))
  if (client !== '') cell.title = client
  const more = [key, session && `session ${session.slice(0, 8)}`].filter(Boolean).join(' · ')
  if (more !== '') cell.append(make('span', more, 'quiet more'))
  cell.append(make('span', path, 'quiet more spare'))
  return cell
}

function stateCell({ state, promptTokens, readTokens }) {
  const cell = make('td')
  if (state !== 'reading') {
    cell.append(STATES[state] ?? state)
    return cell
  }
  cell.append(`reading ${share(readTokens, promptTokens)}`)
  const bar = make('progress')
  bar.max = Math.max(1, promptTokens)
  bar.value = readTokens
  bar.setAttribute('aria-label', 'tokens of the prompt that are read')
  cell.append(bar)
  return cell
}

/** The newest value is at the right edge. */
function showSpeed(name, verb, speed) {
  const rates = speed[name].slice(-STEPS)
  const most = Math.max(0, ...rates)
  const now = rates.at(-1) ?? 0
  say(`${name}-now`, rate(now))
  say(`${name}-most`, most > 0 ? `most ${rate(most)}` : '')
  const plot = at(`${name}-plot`)
  const minutes = (STEPS * speed.stepSeconds) / 60
  const mean = rates.reduce((sum, one) => sum + one, 0) / Math.max(1, rates.length)
  plot.setAttribute(
    'aria-label',
    `Tokens ${verb} per second in the last ${minutes} minutes: now ${rate(now)}, at most ${rate(most)}, ${rate(mean)} on average.`,
  )
  if (rates.length < 2 || most === 0) return plot.replaceChildren()
  const x = (i) => (300 * (STEPS - rates.length + i)) / (STEPS - 1)
  const points = rates.map((one, i) => `${x(i).toFixed(1)},${(78 - (74 * one) / most).toFixed(1)}`)
  const area = [`${x(0).toFixed(1)},80`, ...points, `${x(rates.length - 1).toFixed(1)},80`]
  plot.replaceChildren(draw('polygon', { points: area.join(' ') }), draw('polyline', { points: points.join(' ') }))
}

function showMemory(memory) {
  const kinds = Object.entries(KINDS).map(([kind, text]) => ({ kind, text, bytes: memory[kind] }))
  const used = kinds.reduce((sum, { bytes }) => sum + bytes, 0)
  say('memory-used', size(used))
  say('memory-cap', memory.cap > 0 ? `of ${size(memory.cap)}` : 'without a cap')
  const all = Math.max(used, memory.cap, 1)
  let from = 0
  const parts = kinds.map(({ kind, bytes }) => {
    const part = draw('rect', { class: kind, x: from, y: 0, width: (100 * bytes) / all, height: 4 })
    from += (100 * bytes) / all
    return part
  })
  at('memory-bar').replaceChildren(...parts)
  const rows = kinds.map(({ kind, text, bytes }) => row([mark(kind, text), size(bytes)]))
  rows.push(row([mark(undefined, 'reserved at most'), size(memory.reserved)]))
  at('memory').replaceChildren(...rows)
}

/** A square in the colour of the bar, and the text beside it. */
function mark(kind, text) {
  const cell = make('span', undefined, 'mark')
  const square = draw('svg', { class: 'swatch', 'aria-hidden': 'true', viewBox: '0 0 1 1' })
  if (kind) square.append(draw('rect', { class: kind, width: 1, height: 1, rx: 0.2 }))
  cell.append(square, text)
  return cell
}

/** The first cell names the row, the others are numbers. */
function row([name, ...numbers]) {
  const line = make('tr')
  const head = make('th')
  head.scope = 'row'
  head.append(name)
  line.append(head, ...numbers.map((text) => make('td', text, 'number')))
  return line
}

function showCache({ cache, memory, totals }) {
  const { memoryBytes, diskBytes, diskCap, hitTokens } = cache
  const disk = diskCap > 0 ? `${size(diskBytes)} of ${size(diskCap)}` : 'off'
  at('cache').replaceChildren(
    row(['whole sequences', size(Math.max(0, memory.prefix - memoryBytes)), whole.format(hitTokens.live)]),
    row(['blocks in memory', size(memoryBytes), whole.format(hitTokens.memory)]),
    row(['blocks on disk', disk, whole.format(hitTokens.disk)]),
  )
  const { requests, promptTokens, cachedTokens, outputTokens } = totals
  say('cache-share', share(cachedTokens, promptTokens))
  const read = `${short.format(promptTokens)} tokens read, ${short.format(outputTokens)} written`
  say('totals', `${whole.format(requests)} ${requests === 1 ? 'request has' : 'requests have'} ended: ${read}.`)
}

function showErrors(errors) {
  at('errors-none').hidden = errors.length > 0
  at('errors-table').hidden = errors.length === 0
  at('errors').replaceChildren(
    ...errors.map(({ at: time, status, client, path, message }) => {
      const line = make('tr')
      const when = make('th')
      when.scope = 'row'
      const clock = make('time', new Date(time).toLocaleTimeString('en', { hour12: false }))
      clock.dateTime = time
      when.append(clock)
      const what = make('td', message, 'what')
      what.append(make('span', path, 'quiet more'))
      const from = make('td', nameOf(client), 'spare')
      line.append(when, make('td', String(status), 'number'), from, what)
      return line
    }),
  )
}

at('unlock').addEventListener('submit', (event) => {
  event.preventDefault()
  sessionStorage.setItem(KEY, at('key').value.trim())
  at('key').value = ''
  ask()
})
document.addEventListener('visibilitychange', () => {
  if (!document.hidden) ask()
})
ask()
