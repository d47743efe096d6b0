/** Puts a terminal back as it was, after a program that was killed. */
import { spawnSync } from 'node:child_process'

/** Saves the terminal's settings. -> restores them, after a program that was killed */
export function keepTerminal(): () => void {
  if (!process.stdin.isTTY) return () => {}
  const stty = (...args: string[]) =>
    spawnSync('stty', args, { stdio: ['inherit', 'pipe', 'ignore'], encoding: 'utf8' })
  const settings = (stty('-g').stdout ?? '').trim()
  return () => {
    if (settings) stty(settings)
    if (process.stdout.isTTY) process.stdout.write(plain)
  }
}

/** Cursor shown, no mouse reports, no bracketed paste, usual keys, main screen. */
const plain =
  '\u001b[?25h\u001b[?1000l\u001b[?1002l\u001b[?1003l\u001b[?1006l\u001b[?2004l\u001b[?1004l\u001b[<u\u001b[?1049l\r'
