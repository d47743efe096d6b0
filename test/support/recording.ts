/** Reads the frames of a recording that scripts/terminal-svg.mjs drew. */

export interface Frame {
  /** Whether it shows without animation. */
  visible: boolean
  rows: { y: number; runs: { x: number; text: string }[] }[]
}

export function framesOf(svg: string): Frame[] {
  const drawn = new Map([...svg.matchAll(/<g id="(r\d+)">(.*)<\/g>/g)].map(([, id, art = '']) => [id, runsOf(art)]))
  return [...svg.matchAll(/<g id="f\d+"( opacity="0")?>(.*)<\/g>/g)].map(([, hidden, uses = '']) => ({
    visible: hidden === undefined,
    rows: [...uses.matchAll(/<use href="#(r\d+)" y="(\d+)"\/>/g)].map(([, id, y]) => ({
      y: Number(y),
      runs: drawn.get(id) ?? [],
    })),
  }))
}

/** The lines of its screen, without boxes and blank lines. */
export function textOf({ rows }: Frame): string {
  const lines = rows.map(({ runs }) =>
    runs.reduce((line, { x, text }) => line.padEnd(Math.round(x / widthOfLetter)) + text, ''),
  )
  return lines.filter((line) => line !== '').join('\n')
}

/** As in scripts/terminal-svg.mjs. */
const widthOfLetter = 8.4

function runsOf(art: string) {
  return [...art.matchAll(/<text x="([\d.]+)"[^>]*>([^<]*)<\/text>/g)].map(([, x, text = '']) => ({
    x: Number(x),
    text: text.replaceAll('&lt;', '<').replaceAll('&gt;', '>').replaceAll('&quot;', '"').replaceAll('&amp;', '&'),
  }))
}
