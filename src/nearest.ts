/** Finds the known word that is closest to a mistyped one. */

/** undefined if none is near: more than a third of the letters would have to change. */
export function nearest(word: string, known: string[]): string | undefined {
  const started = known.filter((candidate) => word.length >= 2 && candidate.startsWith(word))
  if (started.length === 1) return started[0]
  const byDistance = known
    .map((candidate) => ({ candidate, distance: distance(word, candidate) }))
    .sort((a, b) => a.distance - b.distance)
  const best = byDistance[0]
  return best && best.distance <= Math.max(1, Math.floor(word.length / 3)) ? best.candidate : undefined
}

/** Names that a wrong one may mean, best first: those that hold it, and those of which the last component is near it. */
export function close(word: string, names: string[], most: number): string[] {
  const wanted = word.toLowerCase()
  const last = wanted.split('/').at(-1) ?? wanted
  const scored = names.map((name) => {
    const small = name.toLowerCase()
    const changes = Math.min(distance(wanted, small), distance(last, small.split('/').at(-1) ?? small))
    const holds = last.length >= 2 && small.includes(last)
    return { name, holds, changes, near: holds || changes <= Math.max(1, Math.floor(last.length / 3)) }
  })
  return scored
    .filter(({ near }) => near)
    .sort((a, b) => Number(b.holds) - Number(a.holds) || a.changes - b.changes)
    .slice(0, most)
    .map(({ name }) => name)
}

/** Letters to add, drop, replace or swap with their neighbour. */
function distance(a: string, b: string): number {
  let beforeLast: number[] = []
  let last = Array.from({ length: b.length + 1 }, (_, j) => j)
  for (let i = 1; i <= a.length; i++) {
    const row = [i]
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1] ? 0 : 1
      let cost = Math.min(at(last, j) + 1, at(row, j - 1) + 1, at(last, j - 1) + same)
      const swapped = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]
      if (swapped) cost = Math.min(cost, at(beforeLast, j - 2) + 1)
      row.push(cost)
    }
    beforeLast = last
    last = row
  }
  return at(last, b.length)
}

function at(row: number[], index: number): number {
  return row[index] ?? Number.POSITIVE_INFINITY
}
