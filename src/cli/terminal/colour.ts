/** Whether a stream shows colours, and text in them: one rule for help, tables, reports and progress. */
import { styleText } from 'node:util'

export type Style = 'bold' | 'cyan' | 'dim' | 'green' | 'yellow' | 'red'
export type Paint = (style: Style, text: string) => string

type Env = Record<string, string | undefined>

/** FORCE_COLOR decides where it is set (0 and false: off), then NO_COLOR, then whether it is a terminal that is not dumb. */
export function showsColour(stream: { isTTY?: boolean }, env: Env = process.env): boolean {
  const { FORCE_COLOR: forced, NO_COLOR: off, TERM: terminal } = env
  if (forced !== undefined) return forced !== '0' && forced.toLowerCase() !== 'false'
  return !off && stream.isTTY === true && terminal !== 'dumb'
}

/** Adds colours if the stream shows them. */
export function painter(stream: { isTTY?: boolean }): Paint {
  return showsColour(stream) ? paint : plain
}

/** With colours, whatever the stream. */
export const paint: Paint = (style, text) => styleText(style, text, { validateStream: false })

export const plain: Paint = (_, text) => text
