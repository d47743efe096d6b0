/**
 * Puts long runs of combining marks into the order that normal forms have. Where a run is out of order, normalize() takes
 * the square of its length: nine seconds for 64,000 marks, of which a request could be full.
 */

/** normalize() is fast enough for shorter runs, which is what texts have. */
const LONG_RUN = /\p{M}{64,}/gu

/** The same text to every normal form. */
export function sortMarks(text: string): string {
  return text.replace(LONG_RUN, (run) => {
    const sorted: string[] = []
    let together: string[] = []
    const flush = () => {
      for (const mark of inOrder(together)) sorted.push(mark)
      together = []
    }
    for (const mark of run) {
      for (const part of mark.normalize('NFD')) {
        if (!isMoved(part)) flush()
        if (isMoved(part)) together.push(part)
        else sorted.push(part)
      }
    }
    flush()
    return sorted.join('')
  })
}

/** The one mark of the highest class, which moves behind all others. */
const LAST = '\u0345'
const moved = new Map<string, boolean>()

/** Whether its place depends on the marks beside it. Others stay where they are, and marks do not cross them. */
function isMoved(mark: string): boolean {
  let is = moved.get(mark)
  if (is === undefined) {
    is = mark === LAST || isBefore(mark, LAST)
    moved.set(mark, is)
  }
  return is
}

/** Whether the first of two marks always comes before the second. */
function isBefore(one: string, other: string): boolean {
  return one !== other && (other + one).normalize('NFD') === one + other
}

function inOrder(marks: string[]): string[] {
  const kinds = [...new Set(marks)].sort((one, other) => (isBefore(one, other) ? -1 : isBefore(other, one) ? 1 : 0))
  const ranks = new Map<string, number>()
  let rank = 0
  for (const [i, kind] of kinds.entries()) {
    const before = kinds[i - 1]
    if (before !== undefined && isBefore(before, kind)) rank += 1
    ranks.set(kind, rank)
  }
  // Marks of one rank keep their order.
  return marks.toSorted((one, other) => (ranks.get(one) as number) - (ranks.get(other) as number))
}
