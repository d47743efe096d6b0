/** What tether says to the person at the terminal. Always on stderr: stdout belongs to Claude Code. */
import { spawnSync } from 'node:child_process'
import { styleText } from 'node:util'
import type { LogLevel } from '../log/log.js'
import { wrap } from './wrap.js'

/** A piece of news, after tether's name. */
export function say(line: string): void {
  process.stderr.write(`${inLines(`tether: ${line}`)}\n`)
}

/** For a person broken between words, but for what is indented, such as a command; for a program one line stays one. */
function inLines(text: string): string {
  const { isTTY, columns } = process.stderr
  if (!isTTY || !columns) return text
  return text
    .split('\n')
    .flatMap((line) => (line.length <= columns || line.startsWith(' ') ? line : wrap(line, columns)))
    .join('\n')
}

/** Whether the user asked to hear of errors alone. */
export function isQuiet({ logLevel }: { logLevel: LogLevel }): boolean {
  return logLevel === 'critical' || logLevel === 'error'
}

/** Colours where the stream shows them and nobody asked for none; else the text as it is. */
export function painter(
  stream: NodeJS.WriteStream,
): (style: 'cyan' | 'dim' | 'green' | 'yellow' | 'red', text: string) => string {
  const shows = canRedraw(stream) && !process.env.NO_COLOR
  return (style, text) => (shows ? styleText(style, text, { validateStream: false }) : text)
}

/** Whether a line can be drawn over. */
export function canRedraw(stream: NodeJS.WriteStream): boolean {
  return stream.isTTY === true && process.env.TERM !== 'dumb'
}

/** Whether a question can be asked and answered. */
export function isInteractive(): boolean {
  return process.stdin.isTTY === true && process.stderr.isTTY === true
}

/** Remembers how the terminal is set. -> puts it back, after a program that could not do so itself */
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
