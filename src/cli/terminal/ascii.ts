/** What tether writes to a terminal whose locale is not UTF-8: ASCII only. */
import { interpose } from './hold-output.js'
import { widthOf } from './text-width.js'

type Env = Record<string, string | undefined>

/** Whether the locale's encoding is UTF-8. Containers often set none; their terminals show UTF-8. */
export function isUtf8(env: Env = process.env): boolean {
  const locale = env.LC_ALL || env.LC_CTYPE || env.LANG
  return !locale || /utf-?8/i.test(locale)
}

/**
 * From now on stdout and stderr write ASCII, where they are terminals and the locale is not UTF-8. A file or a pipe gets
 * everything as it is, such as the names of folders.
 * -> restores the streams; safe to call twice
 */
export function writeAscii(env: Env = process.env): () => void {
  if (isUtf8(env)) return () => {}
  const terminals = [process.stdout, process.stderr].filter(({ isTTY }) => isTTY)
  return interpose(
    terminals,
    (write) =>
      (chunk, ...more) =>
        write(typeof chunk === 'string' ? toAscii(chunk) : chunk, ...more),
  )
}

const asciiFor = new Map([
  ...pairs('…·’–—', "~-'--"),
  ...pairs('↑↓', '^v'),
  // Bars, with eighths of a cell, and the spinner.
  ...pairs('█░▏▎▍▌▋▊▉', '#.   ####'),
  ...pairs('⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏', '|/-\\|/-\\|/'),
])

function pairs(letters: string, ascii: string): [string, string][] {
  return [...letters].map((letter, i) => [letter, ascii.charAt(i)])
}

/** Text of the same width. */
export function toAscii(text: string): string {
  return text.replace(/\P{ASCII}/gu, (letter) => asciiFor.get(letter) ?? '?'.repeat(widthOf(letter)))
}
