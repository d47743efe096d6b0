/** Words as bash has them on its command line: read without their quotes, and written so that they can be inserted. */

/** The word without its quotes, and the quote that is still open. Runs nothing: $ and ` stay what they are. */
export function unquote(raw: string): { text: string; open: '' | "'" | '"' } {
  let text = ''
  let open: '' | "'" | '"' = ''
  for (let i = 0; i < raw.length; i++) {
    const letter = raw.charAt(i)
    const next = raw.charAt(i + 1)
    if (letter === open) open = ''
    else if (open === '' && (letter === "'" || letter === '"')) open = letter
    else if (letter === '\\' && open !== "'" && (open === '' || '"\\$`'.includes(next))) {
      text += next
      i++
    } else text += letter
  }
  return { text, open }
}

/** In the quote that the user began, else with backslashes. All words of one list look alike, so their start can be completed. */
export function quoteAs(open: '' | "'" | '"', text: string): string {
  if (open === "'") return `'${text.replaceAll("'", "'\\''")}'`
  if (open === '"') return `"${text.replace(/["\\$`]/g, '\\$&')}"`
  return text.replace(/[^\p{L}\p{M}\p{N}\w./:@%+=,-]/gu, '\\$&').replace(/^~/, '\\~')
}

const breaks = /^[=:@]+$/

/** bash splits words at = : and @ too. -> the words as typed, and how much of the last one bash will not replace */
export function joinBroken(words: string[]): { words: string[]; kept: string } {
  const joined: string[] = []
  let last = ''
  words.forEach((word, i) => {
    const before = words[i - 1]
    const isOn = joined.length > 0 && (breaks.test(word) || (before !== undefined && breaks.test(before)))
    if (isOn) joined.push(`${joined.pop()}${word}`)
    else joined.push(word)
    last = isOn ? word : ''
  })
  const whole = joined.at(-1) ?? ''
  const replaced = breaks.test(last) ? '' : last
  return { words: joined, kept: last === '' ? '' : whole.slice(0, whole.length - replaced.length) }
}
