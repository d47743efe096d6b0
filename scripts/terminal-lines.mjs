// What the scripts print on stderr: lines broken between words, and a line that is drawn over while work goes on.

/** Prints lines of progress on stderr: stdout belongs to the program that the script starts. */
export function note(text) {
  shown?.clear()
  console.error(process.stderr.isTTY ? wrapped(text, process.stderr.columns) : text)
}

/** Breaks lines between words, except indented ones: a command is pasted in one piece. */
function wrapped(text, columns) {
  if (!columns) return text
  const pattern = new RegExp(`(\\S.{0,${columns - 1}})(?:[ ]+|$)`, 'g')
  return text
    .split('\n')
    .map((line) => (line.length <= columns || line.startsWith(' ') ? line : line.replace(pattern, '$1\n').trimEnd()))
    .join('\n')
}

/** The line of showProgress, while there is one. */
let shown

/** Whether a line can be drawn over. */
function canRedraw() {
  return process.stderr.isTTY === true && process.env.TERM !== 'dumb'
}

/**
 * Shows what `text` returns, each second, on a line that is drawn over; as a line of its own every 30 seconds where
 * that is not possible, such as in a pipe.
 */
export function showProgress(text) {
  const redraws = canRedraw()
  const draw = () => {
    if (redraws) process.stderr.write(`\r${text().slice(0, (process.stderr.columns || 80) - 1)}\u001b[K`)
    else console.error(text())
  }
  const timer = setInterval(draw, redraws ? 1000 : 30_000)
  const clear = () => redraws && process.stderr.write('\r\u001b[K')
  shown = { clear }
  if (redraws) draw()
  return {
    end() {
      clearInterval(timer)
      shown = undefined
      clear()
    },
  }
}

/** A word for a shell. */
export function quoted(word) {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`
}
