// Draws screens of a terminal as an SVG that plays them in turn.

const cell = { width: 8.4, height: 18 }
const font = 'ui-monospace,SFMono-Regular,Menlo,Consolas,DejaVu Sans Mono,monospace'
const margin = { side: 18, top: 46, bottom: 16 }
const colours = { background: '#161b22', border: '#3d444d', text: '#e6edf3' }
/** The sixteen colours that programs name by number. */
const palette = ['#484f58', '#ff7b72', '#3fb950', '#d29922', '#58a6ff', '#bc8cff', '#39c5cf', '#b1bac4'].concat([
  '#6e7681',
  '#ffa198',
  '#56d364',
  '#e3b341',
  '#79c0ff',
  '#d2a8ff',
  '#56d4dd',
  '#ffffff',
])

/**
 * A row of the emulator's buffer as runs of cells that look alike.
 * -> `{ column, width, text, colour, background, bold, dim, italic, underline }`
 */
export function readRow(line, columns) {
  const runs = []
  for (let column = 0; column < columns; column++) {
    const cell = line?.getCell(column)
    // The second half of a wide character.
    if (!cell || cell.getWidth() === 0) continue
    const text = cell.getChars().replaceAll('\u00a0', ' ') || ' '
    const look = lookOf(cell)
    const last = runs.at(-1)
    const joins = last && last.look === JSON.stringify(look) && last.column + last.width === column
    if (joins) Object.assign(last, { text: last.text + text, width: last.width + cell.getWidth() })
    else runs.push({ column, width: cell.getWidth(), text, look: JSON.stringify(look), ...look })
  }
  return runs.map(({ look, ...run }) => run).filter((run) => run.text.trim() !== '' || run.background || run.underline)
}

function lookOf(cell) {
  const front = cell.isFgRGB() ? hex(cell.getFgColor()) : cell.isFgPalette() ? indexed(cell.getFgColor()) : undefined
  const back = cell.isBgRGB() ? hex(cell.getBgColor()) : cell.isBgPalette() ? indexed(cell.getBgColor()) : undefined
  const inverse = cell.isInverse() !== 0
  return {
    colour: inverse ? (back ?? colours.background) : (front ?? colours.text),
    background: inverse ? (front ?? colours.text) : back,
    bold: cell.isBold() !== 0,
    dim: cell.isDim() !== 0,
    italic: cell.isItalic() !== 0,
    underline: cell.isUnderline() !== 0,
  }
}

function hex(number) {
  return `#${number.toString(16).padStart(6, '0')}`
}

/** A colour of the 256: sixteen named ones, a cube of six steps, a row of greys. */
function indexed(number) {
  if (number < 16) return palette[number]
  if (number >= 232) return hex((8 + 10 * (number - 232)) * 0x010101)
  const step = (power) => [0, 95, 135, 175, 215, 255][Math.floor((number - 16) / power) % 6]
  return hex((step(36) << 16) | (step(6) << 8) | step(1))
}

/**
 * `frames`: `{ rows: readRow(…)[], seconds }`. Viewers that play no animation, or whose owner wants none, show the frame
 * `still`.
 */
export function drawFrames(frames, { columns, rows, title, label, still }) {
  const width = Math.ceil(columns * cell.width + 2 * margin.side)
  const height = rows * cell.height + margin.top + margin.bottom
  // Most rows stay as they are from frame to frame, so each is drawn once.
  const drawn = new Map()
  const idOf = (row) => {
    const art = row.map(drawRun).join('')
    if (!drawn.has(art)) drawn.set(art, `r${drawn.size}`)
    return drawn.get(art)
  }
  const bodies = frames.map((frame, at) => {
    const uses = frame.rows.flatMap((row, y) =>
      row.length === 0 ? [] : [`<use href="#${idOf(row)}" y="${y * cell.height}"/>`],
    )
    return `<g id="f${at}"${at === still ? '' : ' opacity="0"'}>${uses.join('')}</g>`
  })
  const defs = [...drawn].map(([art, id]) => `<g id="${id}">${art}</g>`)
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" font-family="${font}" font-size="14" xml:space="preserve" role="img" aria-label="${escaped(label)}">`,
    `<style>${styles(frames)}</style>`,
    `<defs>${defs.join('\n')}</defs>`,
    `<rect x=".5" y=".5" width="${width - 1}" height="${height - 1}" rx="10" fill="${colours.background}" stroke="${colours.border}"/>`,
    ...['#ff5f57', '#febc2e', '#28c840'].map((fill, i) => `<circle cx="${22 + 20 * i}" cy="22" r="6" fill="${fill}"/>`),
    `<text x="${width / 2}" y="27" text-anchor="middle" fill="#8b949e">${escaped(title)}</text>`,
    `<g transform="translate(${margin.side} ${margin.top})">`,
    ...bodies,
    '</g>',
    '</svg>',
    '',
  ].join('\n')
}

/** Each frame is visible for its part of one round. */
function styles(frames) {
  const round = frames.reduce((sum, { seconds }) => sum + seconds, 0)
  const percent = (seconds) => `${((100 * seconds) / round).toFixed(2)}%`
  const rules = ['text{white-space:pre}']
  let start = 0
  const moves = frames.map(({ seconds }, at) => {
    const end = start + seconds
    const before = start > 0 ? '0%{opacity:0}' : ''
    const after = at < frames.length - 1 ? `${percent(end)}{opacity:0}` : ''
    rules.push(`@keyframes k${at}{${before}${percent(start)}{opacity:1}${after}}`)
    start = end
    return `#f${at}{animation:k${at} ${round.toFixed(2)}s step-end infinite}`
  })
  return `${rules.join('')}@media (prefers-reduced-motion:no-preference){${moves.join('')}}`
}

/** Boxes and blocks are drawn as shapes: with characters of a font there are gaps between the rows. */
function drawRun(run) {
  const { column, width, text, colour, background } = run
  const x = column * cell.width
  const parts = []
  if (background) parts.push(rect(x, 0, width * cell.width, cell.height, background))
  let shapes = ''
  let letters = ''
  let at = x
  for (const letter of text) {
    const shape = drawShape(letter, at, colour)
    shapes += shape ?? ''
    letters += shape === undefined ? letter : ' '
    at += cell.width * (width === [...text].length ? 1 : width / [...text].length)
  }
  const style = styleOf(run)
  if (shapes) parts.push(run.dim ? `<g opacity=".6">${shapes}</g>` : shapes)
  const trimmed = letters.trimEnd()
  if (trimmed !== '') {
    const begin = trimmed.length - trimmed.trimStart().length
    const word = trimmed.slice(begin)
    const perLetter = (width * cell.width) / [...text].length
    const place = `x="${round(x + begin * perLetter)}" y="13.5" textLength="${round([...word].length * perLetter)}"`
    parts.push(`<text ${place} lengthAdjust="spacingAndGlyphs" fill="${colour}"${style}>${escaped(word)}</text>`)
  }
  return parts.join('')
}

function styleOf({ bold, dim, italic, underline }) {
  const bits = [bold && ' font-weight="bold"', dim && ' opacity=".6"', italic && ' font-style="italic"']
  return [...bits, underline && ' text-decoration="underline"'].filter(Boolean).join('')
}

/** What goes from the middle of a cell to its sides: up, right, down, left. */
const lines = new Map(
  Object.entries({ '─': '.r.l', '│': 'u.d.', '╌': '.r.l', '┌': '.rd.', '┐': '..dl', '└': 'ur..', '┘': 'u..l' }).concat(
    Object.entries({ '├': 'urd.', '┤': 'u.dl', '⎿': 'ur..', '┬': '.rdl', '┴': 'ur.l', '┼': 'urdl', '━': '.r.l' }),
  ),
)
const corners = { '╭': [1, 1], '╮': [-1, 1], '╰': [1, -1], '╯': [-1, -1] }
/** Quarters of a cell that are filled: upper left, upper right, lower left, lower right. */
const blocks = new Map(
  Object.entries({ '█': 15, '▀': 12, '▄': 3, '▌': 10, '▐': 5, '▘': 8, '▝': 4, '▖': 2, '▗': 1, '▚': 9 }).concat(
    Object.entries({ '▞': 6, '▛': 14, '▜': 13, '▙': 11, '▟': 7 }),
  ),
)

/** -> undefined for what is no box or block */
function drawShape(letter, x, colour) {
  const [w, h] = [cell.width, cell.height]
  const [middle, half] = [round(x + w / 2), h / 2]
  const stroke = (d) => `<path d="${d}" fill="none" stroke="${colour}"/>`
  if (lines.has(letter)) {
    const [up, right, down, left] = lines.get(letter)
    const ends = [up !== '.' && `V0`, right !== '.' && `H${round(x + w)}`, down !== '.' && `V${h}`]
    ends.push(left !== '.' && `H${round(x)}`)
    return stroke(
      ends
        .filter(Boolean)
        .map((end) => `M${middle} ${half}${end}`)
        .join(''),
    )
  }
  // Few fonts have it.
  if (letter === '⏸') return [0.5, 4.5].map((left) => rect(x + left, 4, 2.5, 10, colour)).join('')
  const corner = corners[letter]
  if (corner) {
    const [side, end] = [corner[0] > 0 ? round(x + w) : round(x), corner[1] > 0 ? h : 0]
    return stroke(`M${side} ${half}Q${middle} ${half} ${middle} ${end}`)
  }
  const quarters = blocks.get(letter)
  if (quarters === undefined) return undefined
  return [8, 4, 2, 1]
    .map((bit, i) => (quarters & bit ? rect(x + (i % 2) * (w / 2), i < 2 ? 0 : half, w / 2, half, colour) : ''))
    .join('')
}

/** A little larger than it is, so that no line shows between neighbours. */
function rect(x, y, width, height, fill) {
  const size = `width="${round(width + 0.2)}" height="${height + 0.2}"`
  return `<rect x="${round(x)}" y="${y}" ${size} fill="${fill}" shape-rendering="crispEdges"/>`
}

function round(number) {
  return Math.round(number * 100) / 100
}

function escaped(text) {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;')
}
