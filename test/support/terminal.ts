/** A pseudo-terminal around a program: types into it, and shows its screen as a user would see it. */
import { type IPty, spawn } from '@lydell/node-pty'
import xterm from '@xterm/headless'
import { until } from './until.js'

export interface Terminal {
  readonly pid: number
  /** Everything that was written to it so far, raw. */
  written(): string
  /** The lines of the screen now, without trailing blanks. */
  screen(): string[]
  /** Whether the alternate screen is active, and whether the cursor is visible. */
  state(): { other: boolean; cursor: boolean }
  type(keys: string): void
  /** Types it, then waits until the screen shows the text. */
  press(keys: string, expected: string | RegExp): Promise<void>
  /** Waits until it is on the screen; after a timeout throws with the content of the screen. */
  shows(text: string | RegExp, ms?: number): Promise<void>
  resize(columns: number, rows: number): void
  /** The exit status; 128 + n after signal n. */
  ended: Promise<number>
  kill(signal: NodeJS.Signals): void
}

export interface TerminalOptions {
  env: Record<string, string>
  cwd?: string
  columns?: number
  rows?: number
}

export function openTerminal(program: string, args: string[], options: TerminalOptions): Terminal {
  const { cwd, env, columns = 80, rows = 24 } = options
  const pty: IPty = spawn(program, args, { cwd, env: { TERM: 'xterm-256color', ...env }, cols: columns, rows })
  const emulator = new xterm.Terminal({ cols: columns, rows, allowProposedApi: true })
  let written = ''
  pty.onData((data) => {
    written += data
    emulator.write(data)
  })
  // Programs ask a terminal what it can do; it answers like any other.
  emulator.onData((answer) => pty.write(answer))
  // The exit may be reported before the last output was read from the terminal, and the emulator draws it later still.
  const ended = new Promise<number>((resolve) => {
    pty.onExit(({ exitCode, signal }) => {
      const drawn = () => resolve(signal ? 128 + signal : exitCode)
      setTimeout(() => emulator.write('', drawn), 50)
    })
  })
  const screen = () => linesOf(emulator)
  const shows: Terminal['shows'] = (text, ms = 60_000) => {
    const isThere = () => {
      const all = screen().join('\n')
      return typeof text === 'string' ? all.includes(text) : text.test(all)
    }
    return until(isThere, ms).catch(() => {
      throw new Error(`the screen does not show ${text} within ${ms} ms:\n${screen().join('\n')}`)
    })
  }
  return {
    pid: pty.pid,
    written: () => written,
    screen,
    state: () => ({ other: emulator.buffer.active.type === 'alternate', cursor: showsCursor(written) }),
    type: (keys) => pty.write(keys),
    press(keys, expected) {
      pty.write(keys)
      return shows(expected)
    },
    shows,
    resize: (columns, rows) => {
      emulator.resize(columns, rows)
      pty.resize(columns, rows)
    },
    ended,
    kill: (signal) => pty.kill(signal),
  }
}

/** The emulator has no API for this. */
function showsCursor(written: string): boolean {
  return written.lastIndexOf('\u001b[?25h') >= written.lastIndexOf('\u001b[?25l')
}

function linesOf({ buffer: { active }, rows }: xterm.Terminal): string[] {
  return Array.from(
    { length: rows },
    (_, row) =>
      active
        .getLine(active.viewportY + row)
        ?.translateToString(true)
        .replaceAll('\u00a0', ' ') ?? '',
  )
}
