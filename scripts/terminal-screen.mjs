// A program in a pseudo-terminal, with its screen as a user sees it.
import { setTimeout as sleep } from 'node:timers/promises'
import { SetupError } from './setup.mjs'

/** -> the screen: its emulator's lines, its text, and what types into it and waits for it */
export async function openScreen(program, args, { cwd, env, columns, rows }) {
  const [{ spawn }, { default: xterm }] = await Promise.all([import('@lydell/node-pty'), import('@xterm/headless')])
  const pty = spawn(program, args, { cwd, env, cols: columns, rows })
  const emulator = new xterm.Terminal({ cols: columns, rows, allowProposedApi: true })
  pty.onData((data) => emulator.write(data))
  emulator.onData((answer) => pty.write(answer))
  const ended = new Promise((resolve) => pty.onExit(resolve))
  const lineAt = (row) => emulator.buffer.active.getLine(emulator.buffer.active.viewportY + row)
  const text = () =>
    Array.from({ length: rows }, (_, row) => lineAt(row)?.translateToString(true) ?? '')
      .join('\n')
      .replaceAll('\u00a0', ' ')
  const screen = {
    ended,
    lineAt,
    text,
    /** Resolves once everything that came so far is on the screen. */
    drawn: () => new Promise((done) => emulator.write('', done)),
    close: () => pty.kill('SIGHUP'),
    write: (keys) => pty.write(keys),
    /** Types the keys, then waits for what they bring. */
    press(keys, pattern) {
      pty.write(keys)
      return screen.shows(pattern)
    },
    async shows(pattern) {
      const end = Date.now() + 90_000
      while (!pattern.test(text())) {
        if (Date.now() > end) throw new SetupError(`the screen does not show ${pattern}:\n${text()}`)
        await sleep(50)
      }
    },
  }
  return screen
}
