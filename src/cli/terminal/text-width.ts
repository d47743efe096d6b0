/** Text in columns of a terminal: how wide it is, cut and padded to a width, in what a terminal can show. */

/** East Asian letters and emoji take two columns, combining marks none. */
export function widthOf(text: string): number {
  if (/^[ -~]*$/.test(text)) return text.length
  let width = 0
  for (const letter of text) width += wide.test(letter) ? 2 : /\p{M}|\u200d|\ufe0f/u.test(letter) ? 0 : 1
  return width
}

const wide =
  /[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6]|\p{Emoji_Presentation}/u

/** Cuts the middle out: the end of a model's name says as much as its start. */
export function cut(text: string, width: number): string {
  if (widthOf(text) <= width) return text
  if (width < 1) return ''
  const letters = [...text]
  const end = startOf(letters.toReversed(), Math.floor((width - 1) / 2)).reverse()
  return `${startOf(letters, Math.ceil((width - 1) / 2)).join('')}…${end.join('')}`
}

/** Cuts the end off, for sentences. */
export function cutEnd(text: string, width: number): string {
  if (widthOf(text) <= width) return text
  return width < 1 ? '' : `${startOf([...text], width - 1).join('')}…`
}

/** As many letters as fit. */
export function startOf(letters: string[], width: number): string[] {
  let used = 0
  const over = letters.findIndex((letter) => {
    used += widthOf(letter)
    return used > width
  })
  return over < 0 ? letters : letters.slice(0, over)
}

/** Cuts or pads to exactly this width. */
export function fill(text: string, width: number, side: 'left' | 'right' = 'left'): string {
  const short = cut(text, width)
  const spaces = ' '.repeat(Math.max(0, width - widthOf(short)))
  return side === 'left' ? short + spaces : spaces + short
}

/** Replaces control characters: a folder's name may contain some, and a terminal would obey them. */
export function stripControls(text: string): string {
  return text.replace(/\p{C}/gu, '?')
}
