/** Progress of a long operation: a bar in a terminal, a line now and then elsewhere. */
import { painter } from './colour.js'
import { canRedraw } from './say.js'

export interface Progress {
  /** 0…1 */
  update(fraction: number): void
  /** Removes the bar. Safe to call twice. */
  end(): void
}

export interface ProgressAbout {
  /** Such as `Loading gemma`. */
  label: string
  /** The whole, if the fraction is one of bytes. */
  bytes?: number
  /** Where to draw the bar, if it is a terminal. */
  stream?: NodeJS.WriteStream
  /** Prints lines otherwise. */
  say: (line: string) => void
}

export function showProgress({ label, bytes = 0, stream, say }: ProgressAbout): Progress {
  if (stream && canRedraw(stream)) return progressBar(label, bytes, stream)
  return progressLines(label, bytes, say)
}

const frames = [...'⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏']
const frameMs = 100
const cells = 24
const firstLineMs = 1000
const nextLineMs = 10_000

const hideCursor = '\u001b[?25l'
const showCursor = '\u001b[?25h'
const eraseToEnd = '\u001b[K'

/** The spinner turns even while no bytes arrive, so that a slow disk does not look like a hang. */
function progressBar(label: string, bytes: number, stream: NodeJS.WriteStream): Progress {
  const paint = painter(stream)
  const started = performance.now()
  let fraction = 0
  let frame = 0
  let ended = false
  const draw = () => {
    const full = Math.round(fraction * cells)
    const bar = `${paint('cyan', '█'.repeat(full))}${paint('dim', '░'.repeat(cells - full))} `
    const facts = factsOf({ fraction, bytes, seconds: (performance.now() - started) / 1000 })
    const { head, withBar, tail } = layout(label, facts, (stream.columns || 80) - 1)
    const turning = frames[frame++ % frames.length]
    stream.write(`\r${turning} ${head} ${withBar ? bar : ''}${tail}${eraseToEnd}`)
  }
  const end = () => {
    if (ended) return
    ended = true
    clearInterval(timer)
    process.off('exit', end)
    stream.write(`\r${eraseToEnd}${showCursor}`)
  }
  stream.write(hideCursor)
  const timer = setInterval(draw, frameMs).unref()
  process.once('exit', end)
  draw()
  return {
    // Drawn with the next frame: updates may come very often.
    update: (now) => {
      fraction = Math.min(1, Math.max(0, now))
    },
    end,
  }
}

/** A line that wraps cannot be redrawn, so what does not fit is dropped: the estimate, then the bar, then the label. */
function layout(label: string, facts: string[], columns: number) {
  const [share = ''] = facts
  const choices = [
    { withBar: true, tail: facts.join(', ') },
    { withBar: true, tail: share },
    { withBar: false, tail: share },
  ]
  const room = ({ withBar, tail }: { withBar: boolean; tail: string }) =>
    columns - '⠋  '.length - (withBar ? cells + 1 : 0) - tail.length
  const choice = choices.find((one) => room(one) >= Math.min(label.length, 24)) ?? { withBar: false, tail: share }
  const most = Math.max(1, room(choice))
  return { ...choice, head: label.length > most ? `${label.slice(0, most - 1)}…` : label }
}

/** Prints nothing within the first second. */
function progressLines(label: string, bytes: number, say: (line: string) => void): Progress {
  const started = performance.now()
  let next = started + firstLineMs
  return {
    update: (fraction) => {
      const now = performance.now()
      if (now < next) return
      next = now + nextLineMs
      say(
        `${label.charAt(0).toLowerCase()}${label.slice(1)}, ${factsOf({ fraction, bytes, seconds: (now - started) / 1000 }).join(', ')}`,
      )
    },
    end: () => {},
  }
}

/** The most important first: such as 45% of 3.2 GB, about 12 s left. */
function factsOf({ fraction, bytes, seconds }: { fraction: number; bytes: number; seconds: number }): string[] {
  const share = `${Math.floor(fraction * 100)}%${bytes > 0 ? ` of ${inUnits(bytes)}` : ''}`
  // An early estimate would be a guess, and at the end none is needed.
  if (seconds < 1 || fraction < 0.02 || fraction >= 1) return [share]
  const left = (seconds * (1 - fraction)) / fraction
  return [share, `about ${left < 90 ? `${Math.ceil(left)} s` : `${Math.round(left / 60)} min`} left`]
}

function inUnits(bytes: number): string {
  if (bytes >= 1e9) return `${(bytes / 1e9).toFixed(1)} GB`
  return bytes >= 1e6 ? `${Math.round(bytes / 1e6)} MB` : `${Math.ceil(bytes / 1e3)} kB`
}
