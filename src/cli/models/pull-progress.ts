/** Progress of a download: a line with speed and time left, redrawn in a terminal, repeated now and then elsewhere. */

import type { PullProgress } from '../../models/pull/pull.js'
import { showSize } from '../../models/show-size.js'
import { canRedraw, painter } from '../terminal/say.js'

const drawMs = 100
const lineMs = 10_000
/** The speed is the average over this time. */
const memoryMs = 8000
const cells = 24

/** `say` prints lines where the stream cannot be redrawn. */
export function pullProgress(label: string, stream: NodeJS.WriteStream, say: (line: string) => void): PullProgress {
  const bar = canRedraw(stream)
  let total = 0
  let done = 0
  let seen: { time: number; done: number }[] = []
  let timer: NodeJS.Timeout | undefined
  const tick = () => {
    const time = performance.now()
    seen = [...seen.filter((one) => one.time > time - memoryMs), { time, done }]
    const text = progressText({ done, total, speed: speedOf(seen) })
    if (bar) stream.write(`\r${drawn(label, text, done / Math.max(1, total), stream)}\u001b[K`)
    else say(`${label}: ${text}`)
  }
  return {
    begin: (about) => {
      total = about.total
      done = about.done
      seen = [{ time: performance.now(), done }]
      if (bar) tick()
      else
        say(
          `${label}: ${showSize(total - done)} to download${done > 0 ? `, ${showSize(done)} already downloaded` : ''}`,
        )
      timer = setInterval(tick, bar ? drawMs : lineMs)
    },
    add: (bytes) => {
      done += bytes
    },
    end: () => {
      if (timer && bar) stream.write('\r\u001b[K')
      clearInterval(timer)
      timer = undefined
    },
  }
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

function drawn(label: string, text: string, fraction: number, stream: NodeJS.WriteStream): string {
  const width = (stream.columns || 80) - 1
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
