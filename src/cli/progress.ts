/** How far loading is: a moving bar in a terminal, a line now and then elsewhere. */
import { painter } from './terminal.js'

export interface Progress {
  /** 0…1. */
  update(fraction: number): void
  /** Takes the bar away. Safe to call twice. */
  end(): void
}

const cells = 24
const firstLineMs = 1000
const nextLineMs = 10_000

/** For a terminal that can move its cursor. */
export function progressBar(label: string, stream: NodeJS.WriteStream): Progress {
  const paint = painter(stream)
  let drawn = ''
  let ended = false
  const draw = (fraction: number) => {
    const full = Math.round(Math.min(1, Math.max(0, fraction)) * cells)
    const room = Math.max(10, (stream.columns || 80) - cells - 10)
    const bar = paint('cyan', '█'.repeat(full)) + paint('dim', '░'.repeat(cells - full))
    const line = `${label.slice(0, room)} ${bar} ${Math.floor(fraction * 100)}%`
    if (line === drawn || ended) return
    drawn = line
    stream.write(`\r${line}\u001b[K`)
  }
  draw(0)
  return {
    update: draw,
    end: () => {
      if (!ended) stream.write('\r\u001b[K')
      ended = true
    },
  }
}

/** For everything else. What loads within a second says nothing. */
export function progressLines(label: string, say: (line: string) => void): Progress {
  let next = performance.now() + firstLineMs
  return {
    update: (fraction) => {
      const now = performance.now()
      if (now < next) return
      next = now + nextLineMs
      say(`${label}, ${Math.floor(fraction * 100)}%`)
    },
    end: () => {},
  }
}
