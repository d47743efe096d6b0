/** A pseudo-terminal around a program: what is typed into it, and what it shows. */
import { type IPty, spawn } from '@lydell/node-pty'
import xterm from '@xterm/headless'

export interface Terminal {
  readonly pid: number
  /** Everything that was written to it so far. */
  shown(): string
  /** What a person sees now: the lines of the screen, with plain blanks. */
  screen(): string
  type(text: string): void
  resize(columns: number, rows: number): void
  /** The exit status; 128 + n after signal n. */
  ended: Promise<number>
  kill(signal: NodeJS.Signals): void
}

export interface TerminalOptions {
  cwd: string
  env: Record<string, string>
  columns?: number
  rows?: number
}

export function openTerminal(program: string, args: string[], options: TerminalOptions): Terminal {
  const { cwd, env, columns = 80, rows = 24 } = options
  const pty: IPty = spawn(program, args, { cwd, env: { TERM: 'xterm-256color', ...env }, cols: columns, rows })
  const emulator = new xterm.Terminal({ cols: columns, rows, allowProposedApi: true })
  let shown = ''
  pty.onData((data) => {
    shown += data
    emulator.write(data)
  })
  // Programs ask a terminal what it can do; it answers like any other.
  emulator.onData((answer) => pty.write(answer))
  const ended = new Promise<number>((resolve) => {
    pty.onExit(({ exitCode, signal }) => resolve(signal ? 128 + signal : exitCode))
  })
  return {
    pid: pty.pid,
    shown: () => shown,
    screen: () => linesOf(emulator).join('\n'),
    type: (text) => pty.write(text),
    resize: (columns, rows) => {
      emulator.resize(columns, rows)
      pty.resize(columns, rows)
    },
    ended,
    kill: (signal) => pty.kill(signal),
  }
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
