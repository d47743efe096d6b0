/** Reads a regular expression as Oniguruma writes it, which is the reference's kind. */
import { classOf } from '../unicode.js'
import { type CharacterClass, characterClass } from './classes.js'
import { isNullable, type Tree } from './tree.js'

/** What a pattern may have: the longest in use has some 500 characters. */
const LONGEST = 4000
const DEEPEST = 50
const MOST_REPEATS = 1000

const FOLDS: Record<string, string> = { s: 'sSſ', k: 'kK\u212a' }

/** Throws an Error, which says what is not supported. */
export function parsePattern(source: string): Tree {
  if (source.length > LONGEST) throw new Error(`it has more than ${LONGEST} characters`)
  const parser = new Parser(source)
  const tree = parser.alternatives(0)
  if (!parser.isAtEnd()) throw new Error('it has a ) too many')
  return tree
}

class Parser {
  private at = 0
  private ignoreCase = false
  private readonly classes = new Map<string, CharacterClass>()

  constructor(private readonly source: string) {}

  isAtEnd(): boolean {
    return this.at >= this.source.length
  }

  /** Up to a closing parenthesis, or the end. */
  alternatives(depth: number): Tree {
    if (depth > DEEPEST) throw new Error(`it is nested more than ${DEEPEST} levels deep`)
    const items: Tree[] = [this.sequence(depth)]
    while (this.take('|')) items.push(this.sequence(depth))
    return items.length === 1 ? (items[0] as Tree) : { kind: 'any', items }
  }

  private sequence(depth: number): Tree {
    const items: Tree[] = []
    while (!this.isAtEnd() && !this.sees('|') && !this.sees(')')) {
      const item = this.item(depth)
      if (item) items.push(this.repeated(item))
    }
    return items.length === 1 ? (items[0] as Tree) : { kind: 'all', items }
  }

  /** undefined: it only sets a flag for what follows. */
  private item(depth: number): Tree | undefined {
    if (this.take('(')) return this.group(depth)
    if (this.take('[')) return this.one(this.inBrackets())
    if (this.take('\\')) return this.one(this.escape(false))
    // To Oniguruma only \n ends a line.
    if (this.take('.')) return this.one('^\\n')
    if (this.take('^')) return { kind: 'look', item: this.one('^\\n'), behind: true, negated: true }
    if (this.take('$')) return { kind: 'look', item: this.one('^\\n'), behind: false, negated: true }
    const character = this.next()
    if ('*+?{'.includes(character)) throw new Error(`it has a ${character} that repeats nothing`)
    if (this.ignoreCase && /[a-z]/i.test(character)) {
      const lower = character.toLowerCase()
      return this.one(FOLDS[lower] ?? lower + character.toUpperCase())
    }
    return this.one(character.replace(/[\\\]^-]/, '\\$&'))
  }

  private group(depth: number): Tree | undefined {
    const outer = this.ignoreCase
    const opening = /^\?(?:([a-z]+)([:)])|(<?)([=!])|:)/.exec(this.source.slice(this.at, this.at + 20))
    if (!opening) {
      if (this.sees('?')) throw new Error('it has a group of an unknown kind')
      return this.closed(depth, outer)
    }
    this.at += opening[0].length
    const [, flags, end, behind, look] = opening
    if (flags !== undefined) {
      if (flags !== 'i') throw new Error(`it sets the flags ${flags}`)
      this.ignoreCase = true
      if (end === ')') return undefined
    }
    const item = this.closed(depth, outer)
    return look === undefined ? item : { kind: 'look', item, behind: behind === '<', negated: look === '!' }
  }

  /** `ignoreCase`: after the group. */
  private closed(depth: number, ignoreCase: boolean): Tree {
    const tree = this.alternatives(depth + 1)
    if (!this.take(')')) throw new Error('it has a ( that is not closed')
    this.ignoreCase = ignoreCase
    return tree
  }

  private repeated(item: Tree): Tree {
    let tree = item
    for (;;) {
      const bounds = this.bounds()
      if (!bounds) return tree
      if (this.sees('+')) throw new Error('it has a possessive repetition')
      const [least, most] = bounds
      if (most === Number.POSITIVE_INFINITY && isNullable(tree)) {
        throw new Error('it repeats without end what may be empty')
      }
      if (Math.max(least, most === Number.POSITIVE_INFINITY ? 0 : most) > MOST_REPEATS || least > most) {
        throw new Error(`it repeats something ${least} to ${most} times`)
      }
      tree = { kind: 'repeat', item: tree, least, most, lazy: this.take('?') }
    }
  }

  private bounds(): [least: number, most: number] | undefined {
    if (this.take('*')) return [0, Number.POSITIVE_INFINITY]
    if (this.take('+')) return [1, Number.POSITIVE_INFINITY]
    if (this.take('?')) return [0, 1]
    if (!this.sees('{')) return undefined
    const found = /^\{(\d{1,6})(,?)(\d{0,6})\}/.exec(this.source.slice(this.at, this.at + 20))
    if (!found) throw new Error('it has a { that cannot be read')
    this.at += found[0].length
    const least = Number(found[1])
    if (found[2] === '') return [least, least]
    return [least, found[3] === '' ? Number.POSITIVE_INFINITY : Number(found[3])]
  }

  /** The inside of a class, for JavaScript. */
  private inBrackets(): string {
    let inside = this.take('^') ? '^' : ''
    for (;;) {
      if (this.isAtEnd()) throw new Error('it has a [ that is not closed')
      if (this.take(']')) break
      if (this.take('\\')) {
        inside += this.escape(true)
        continue
      }
      if (this.sees('[') || this.source.startsWith('&&', this.at)) throw new Error('it has a class in a class')
      const character = this.next()
      if (this.ignoreCase && /[a-z]/i.test(character)) throw new Error('it has a class that ignores case')
      inside += character
    }
    if (inside === '' || inside === '^') throw new Error('it has an empty class')
    return inside
  }

  /** What follows a backslash, as a part of a class for JavaScript. */
  private escape(inBrackets: boolean): string {
    const rest = this.source.slice(this.at, this.at + 100)
    const property = /^[pP]\{(\^?)(\w+)\}/.exec(rest)
    const short: Record<string, string> = { s: 's', S: 's', d: 'Nd', D: 'Nd' }
    // Classes are written out: Node's Unicode version differs from the reference's.
    const name = property ? property[2] : short[rest[0] ?? '']
    if (name !== undefined) {
      const negated = /^[SDP]/.test(rest) !== (property?.[1] === '^')
      const inside = classOf(name, { negated })
      if (inside === undefined) throw new Error(`it has the unknown class ${name}`)
      this.at += property ? property[0].length : 1
      return inside
    }
    const code = /^(?:x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|[nrtfv0])/.exec(rest)
    if (code) {
      this.at += code[0].length
      return `\\${code[0]}`
    }
    if (rest === '') throw new Error('it ends in a backslash')
    if (/^[A-Za-z1-9]/.test(rest)) throw new Error(`it has a \\${rest[0]}`)
    const character = this.next()
    if (!inBrackets && /[a-z]/i.test(character)) throw new Error(`it has a \\${character}`)
    return /[\\\]^$.*+?()[{}|/-]/.test(character) ? `\\${character}` : character
  }

  private one(inside: string): Tree {
    let found = this.classes.get(inside)
    if (!found) {
      found = characterClass(inside)
      this.classes.set(inside, found)
    }
    return { kind: 'one', of: found }
  }

  private sees(text: string): boolean {
    return this.source.startsWith(text, this.at)
  }

  private take(text: string): boolean {
    const seen = this.sees(text)
    if (seen) this.at += text.length
    return seen
  }

  private next(): string {
    const character = String.fromCodePoint(this.source.codePointAt(this.at) as number)
    this.at += character.length
    return character
  }
}
