/** Finds blocks of lines that are repeated. */

export interface Place {
  file: string
  /** Where the block begins. */
  line: number
}

export interface Repeated {
  first: Place
  second: Place
  /** How many lines that count are the same. */
  lines: number
}

interface Line extends Place {
  text: string
}

/** Every block of at least `least` lines that is repeated; blank lines, comments, imports and lone brackets do not count. */
export function repeatedBlocks(files: ReadonlyMap<string, string>, least: number): Repeated[] {
  const known = new Map<string, { lines: Line[]; at: number }>()
  const found: Repeated[] = []
  for (const [file, text] of files) {
    const lines = linesThatCount(file, text)
    for (let at = 0; at + least <= lines.length; ) {
      const block = textOf(lines.slice(at, at + least))
      const before = known.get(block)
      if (!before) {
        known.set(block, { lines, at })
        at += 1
        continue
      }
      // A block does not overlap its own copy: a list of equal lines is repeated once it is twice as long.
      const most = before.lines === lines ? at - before.at : Number.POSITIVE_INFINITY
      if (most < least) {
        at += 1
        continue
      }
      let length = least
      while (length < most && at + length < lines.length) {
        if (lines[at + length]?.text !== before.lines[before.at + length]?.text) break
        length += 1
      }
      const [first, second] = [before.lines[before.at] as Line, lines[at] as Line]
      found.push({ first: placeOf(first), second: placeOf(second), lines: length })
      at += length
    }
  }
  return found
}

function placeOf({ file, line }: Line): Place {
  return { file, line }
}

function textOf(lines: Line[]): string {
  return lines.map(({ text }) => text).join('\n')
}

/** With white space folded. */
function linesThatCount(file: string, text: string): Line[] {
  const withoutImports = blank(text, importsIn(file))
  const withoutComments = blank(withoutImports, commentsIn(file))
  return withoutComments
    .split('\n')
    .map((line, i) => ({ file, line: i + 1, text: line.trim().replace(/\s+/g, ' ') }))
    .filter(({ text }) => /\w/.test(text))
}

/** Lines of imports, over several lines too. */
function importsIn(file: string): RegExp {
  if (file.endsWith('.py')) return /^(?:import|from) [^(\n]*(?:\([^)]*\))?$/gm
  if (/\.(?:cpp|h)$/.test(file)) return /^\s*#\s*(?:include|pragma)\b.*$/gm
  return /^(?:import|export)\b(?:\s+type)?\s*(?:[\w*{][^;'"`()=]*\bfrom\s*)?['"][^'"\n]+['"];?$/gm
}

/** Whole lines of comments. */
function commentsIn(file: string): RegExp {
  return file.endsWith('.py') ? /^\s*#.*$/gm : /^\s*\/\/.*$|^\s*\/\*[\s\S]*?\*\//gm
}

/** Matches are emptied, and line numbers stay as they are. */
function blank(text: string, pattern: RegExp): string {
  return text.replace(pattern, (match) => match.replace(/[^\n]/g, ''))
}
