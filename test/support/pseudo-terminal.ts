/** A program in a pseudo-terminal, and the screen as a person would see it. */
import { spawn } from '@lydell/node-pty'
import xterm from '@xterm/headless'
import { until } from './cli-process.js'

export interface PseudoTerminal {
  pid: number
  /** The lines of the screen, without the spaces at their ends. */
  screen(): string[]
  /** Whether the program is on the other screen, and whether the cursor can be seen. */
  state(): { other: boolean; cursor: boolean }
  /** Everything that was written, as it came. */
  raw(): string
  /** Types it, then waits until the screen shows the text. */
  press(keys: string, expected?: string): Promise<void>
  shows(text: string): Promise<void>
  resize(columns: number, rows: number): void
  kill(signal: string): void
}

export interface PseudoTerminalOptions {
  columns: number
  rows: number
  env: Record<string, string>
  cwd?: string
}

export function startInTerminal(program: string, args: string[], options: PseudoTerminalOptions): PseudoTerminal {
  const { columns: cols, rows, env, cwd } = options
  const pty = spawn(program, args, { cols, rows, cwd, env: { TERM: 'xterm-256color', ...env }, name: 'xterm-256color' })
  const terminal = new xterm.Terminal({ cols, rows, allowProposedApi: true })
  let raw = ''
  let cursor = true
  pty.onData((data) => {
    raw += data
    // biome-ignore lint/suspicious/noControlCharactersInRegex: what a terminal is told is control characters.
    for (const [, shown] of data.matchAll(/\u001b\[\?25([hl])/g)) cursor = shown === 'h'
    terminal.write(data)
  })
  const screen = () =>
    Array.from({ length: terminal.rows }, (_, i) => terminal.buffer.active.getLine(i)?.translateToString(true) ?? '')
  const shows = (text: string) =>
    until(() => screen().join('\n').includes(text), 20_000).catch(() => {
      throw new Error(`the screen does not show ${JSON.stringify(text)}:\n${screen().join('\n')}`)
    })
  return {
    pid: pty.pid,
    screen,
    state: () => ({ other: terminal.buffer.active.type === 'alternate', cursor }),
    raw: () => raw,
    async press(keys, expected) {
      pty.write(keys)
      if (expected !== undefined) await shows(expected)
    },
    shows,
    resize(columns, lines) {
      terminal.resize(columns, lines)
      pty.resize(columns, lines)
    },
    kill: (signal) => pty.kill(signal),
  }
}
