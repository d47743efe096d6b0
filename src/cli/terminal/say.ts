/** What tether prints for the user. Always on stderr: stdout belongs to Claude Code. */
import { escapeControls } from '../../one-line.js'
import type { LogLevel } from '../log/log-levels.js'
import { wrap } from './wrap.js'

/**
 * Prints a line after tether's name; further lines are commands and sentences of our own. Texts from elsewhere come as one
 * line (src/one-line.ts). Where one does not, none of its lines can look as if tether had said it.
 */
export function say(line: string): void {
  writeToStderr(`${inLines(escapeControls(`tether: ${ours(line)}`))}\n`)
}

/** Prints lines that another process of tether said, which did not know how wide the terminal is. */
export function relay(text: string): void {
  writeToStderr(inLines(escapeControls(text)))
}

/** Only the first line has the name. */
function ours(text: string): string {
  return text.replace(/\n(?=\s*tether:)/gi, '\\n')
}

/** Never throws: a full disk or a reader that has left must not end tether. */
export function writeToStderr(text: string): void {
  const { stderr } = process
  if (!stderr.listeners('error').includes(ignore)) stderr.on('error', ignore)
  try {
    stderr.write(text)
  } catch {
    // There is no other place to say it.
  }
}

function ignore(): void {}

/** Wraps lines in a terminal, except indented ones, such as commands. For a program a line stays one line. */
function inLines(text: string): string {
  const { isTTY, columns } = process.stderr
  if (!isTTY || !columns) return text
  return text
    .split('\n')
    .flatMap((line) => (line.length <= columns || line.startsWith(' ') ? line : wrap(line, columns)))
    .join('\n')
}

/** Whether only errors are to be printed. */
export function isQuiet({ logLevel }: { logLevel: LogLevel }): boolean {
  return logLevel === 'critical' || logLevel === 'error'
}

/** Whether a line can be redrawn. */
export function canRedraw(stream: NodeJS.WriteStream): boolean {
  return stream.isTTY === true && process.env.TERM !== 'dumb'
}

/** Whether a question can be asked and answered. */
export function isInteractive(): boolean {
  return process.stdin.isTTY === true && process.stderr.isTTY === true
}
