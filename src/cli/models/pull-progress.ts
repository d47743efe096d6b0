/** Progress of a pull: one line that is redrawn in a terminal, a line now and then elsewhere. */
import type { PullProgress } from '../../models/pull/pull.js'
import { showSize } from '../../models/show-size.js'
import { painter } from '../terminal/colour.js'
import { canRedraw } from '../terminal/say.js'
import { cutEnd } from '../terminal/text-width.js'

const drawMs = 100
const lineMs = 10_000
/** How long the hub may take to answer before it is said: in a terminal, and elsewhere. */
const waitMs = { terminal: 1000, lines: 5000 }
/** How long news of another try stay, if no bytes arrive. */
const newsMs = 5000
/** The speed is the average over this time. */
const memoryMs = 8000
const cells = 24

export interface PullScreen extends Required<PullProgress> {
  /** Prints a line above the one that is redrawn. */
  say: (line: string) => void
}

export interface PullScreenOptions {
  label: string
  /** The hub that is asked first. */
  host: string
  stream: NodeJS.WriteStream
  /** Prints a line. */
  say: (line: string) => void
}

/** Begins to wait for the hub's first answer at once. */
export function pullProgress({ label, host, stream, say }: PullScreenOptions): PullScreen {
  const redraws = canRedraw(stream)
  const started = performance.now()
  let size: { done: number; total: number } | undefined
  let seen: { time: number; done: number }[] = []
  let news: { text: string; time: number } | undefined
  let reason: string | undefined
  let timer: NodeJS.Timeout | undefined
  const erase = () => redraws && stream.write('\r\u001b[K')
  const drawnLine = (time: number): string => {
    const width = (stream.columns || 80) - 1
    if (news && time < news.time + newsMs) return cutEnd(news.text, width)
    if (size) return drawn(label, textOf(size, seen), size.done / Math.max(1, size.total), { stream, width })
    const waited = time - started
    return waited < waitMs.terminal ? '' : cutEnd(`waiting for ${host}, ${Math.floor(waited / 1000)} s`, width)
  }
  const tick = () => {
    const time = performance.now()
    if (size) seen = [...seen.filter((one) => one.time > time - memoryMs), { time, done: size.done }]
    if (redraws) stream.write(`\r${drawnLine(time)}\u001b[K`)
    else if (size) say(`${label}: ${textOf(size, seen)}`)
    else if (!news) tell(`waiting for ${host}`)
  }
  const tell = (text: string) => {
    const time = performance.now()
    // Pieces that are downloaded together lose the same connection.
    const isNew = text !== news?.text || time > news.time + newsMs
    news = { text, time }
    if (redraws) tick()
    else if (isNew) say(text)
  }
  /** In a terminal the reason stays above the line that is redrawn, once. */
  const retrying = (why: string, next: string) => {
    if (!redraws) return tell(`${why}, ${next}`)
    if (why !== reason) {
      erase()
      say(why)
    }
    reason = why
    tell(next)
  }
  const every = (ms: number) => {
    clearInterval(timer)
    timer = setInterval(tick, ms)
  }
  every(redraws ? drawMs : waitMs.lines)
  return {
    say: (line) => {
      erase()
      say(line)
    },
    retrying,
    begin: ({ done, total }) => {
      const isSame = size?.total === total
      size = { done, total }
      news = undefined
      seen = [{ time: performance.now(), done }]
      const had = done > 0 ? `, ${showSize(done)} already downloaded` : ''
      if (redraws) tick()
      else if (!isSame) say(`${label}: ${showSize(total - done)} to download${had}`)
      every(redraws ? drawMs : lineMs)
    },
    add: (bytes) => {
      if (size) size.done += bytes
      if (bytes > 0) news = undefined
    },
    end: () => {
      if (timer) erase()
      clearInterval(timer)
      timer = undefined
    },
  }
}

function textOf({ done, total }: { done: number; total: number }, seen: { time: number; done: number }[]): string {
  return progressText({ done, total, speed: speedOf(seen) })
}

export interface ProgressNumbers {
  done: number
  total: number
  /** Bytes a second; 0: not known. */
  speed: number
}

/** Such as `1.2 of 3.4 GB, 35%, 48 MB/s, 46 s left`. */
export function progressText({ done, total, speed }: ProgressNumbers): string {
  const percent = total > 0 ? Math.floor((done / total) * 100) : 100
  const parts = [`${showSize(done)} of ${showSize(total)}`, `${percent}%`]
  if (done >= total) parts.push('verifying')
  else if (speed > 0) parts.push(`${showSize(speed)}/s`, `${showTime((total - done) / speed)} left`)
  return parts.join(', ')
}

function showTime(seconds: number): string {
  if (seconds < 90) return `${Math.ceil(seconds)} s`
  if (seconds < 5400) return `${Math.round(seconds / 60)} min`
  return `${(seconds / 3600).toFixed(1)} h`
}

function speedOf(seen: { time: number; done: number }[]): number {
  const [first] = seen
  const last = seen.at(-1)
  if (!first || !last || last.time - first.time < 300) return 0
  return Math.max(0, ((last.done - first.done) / (last.time - first.time)) * 1000)
}

function drawn(
  label: string,
  text: string,
  fraction: number,
  { stream, width }: { stream: NodeJS.WriteStream; width: number },
): string {
  const paint = painter(stream)
  const full = Math.round(Math.min(1, Math.max(0, fraction)) * cells)
  const bar = `${paint('cyan', '█'.repeat(full))}${paint('dim', '░'.repeat(cells - full))} `
  if (width >= label.length + text.length + cells + 2) return `${label} ${bar}${text}`
  if (width >= text.length + cells + 1) return `${bar}${text}`
  return fitting(text.split(', '), width)
}

/** Drops the last parts in a narrow window. */
function fitting(parts: string[], width: number): string {
  let text = parts.join(', ')
  while (text.length > width && parts.length > 1) {
    parts.pop()
    text = parts.join(', ')
  }
  return text.slice(0, width)
}
