/** A growing list of token ids. An array of numbers is several times slower. */

export class Ids {
  #ids = new Int32Array(256)
  length = 0

  push(id: number): void {
    if (this.length === this.#ids.length) this.#grow(this.length + 1)
    this.#ids[this.length] = id
    this.length += 1
  }

  /** Appends ids[start..end). */
  append(ids: Int32Array, start: number, end: number): void {
    const length = this.length + end - start
    if (length > this.#ids.length) this.#grow(length)
    for (let i = start, j = this.length; i < end; i += 1, j += 1) this.#ids[j] = ids[i] as number
    this.length = length
  }

  /** A copy of the ids from index `from` on. */
  since(from: number): Int32Array {
    return this.#ids.slice(from, this.length)
  }

  #grow(length: number): void {
    const grown = new Int32Array(length * 2)
    grown.set(this.#ids)
    this.#ids = grown
  }
}
