/** JSON in the pieces of a stream. */

/** Characters of a piece. */
const PIECE = 1024

/** Never cuts between the halves of a surrogate pair: some clients could not join them again. */
export function* jsonSlices(json: string): Generator<string> {
  for (let start = 0; start < json.length; ) {
    let end = Math.min(start + PIECE, json.length)
    const last = json.charCodeAt(end - 1)
    if (end < json.length && last >= 0xd800 && last < 0xdc00) end++
    yield json.slice(start, end)
    start = end
  }
}
