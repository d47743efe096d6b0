/** Reads from a page of documentation what it says about the tree: code blocks, tables, links, maps and paths. */
import { posix } from 'node:path'

/** The first block of code below a heading. */
export function codeBelow(page: string, heading: string): string {
  const section = page.split(`\n## ${heading}\n`)[1] ?? ''
  return /^```\w*\n([\s\S]*?)^```$/m.exec(section.split(/^## /m)[0] ?? '')?.[1] ?? ''
}

/** The code at the head of each row of the page's tables: `npm test` of "| `npm test` | types, tests |". */
export function firstCells(page: string): string[] {
  return [...page.matchAll(/^\| +`([^`]+)` +\|/gm)].map(([, code = '']) => code)
}

/** The commands of the page's blocks of shell, each on one line and without comments. */
export function shellCommands(page: string): string[] {
  const blocks = [...page.matchAll(/^```(?:sh|bash|shell|console)\n([\s\S]*?)^```$/gm)].map(([, code = '']) => code)
  const lines = blocks.flatMap((code) => code.replaceAll(/\\\n\s*/g, '').split('\n'))
  return lines.map((line) => line.replace(/(?:^|\s+)#.*$/, '').trim()).filter((line) => line !== '')
}

/** The rows of the first table below a heading, without its head. */
export function tableBelow(page: string, heading: string): string[][] {
  const section = page.split(`\n## ${heading}\n`)[1]?.split(/^## /m)[0] ?? ''
  const rows = (/^\|[\s\S]*?(?=\n\n|$(?![\s\S]))/m.exec(section)?.[0] ?? '').split('\n').slice(2)
  return rows
    .filter((row) => row.startsWith('|'))
    .map((row) =>
      row
        .split('|')
        .slice(1, -1)
        .map((cell) => cell.trim()),
    )
}

/** Targets of links that are no addresses, as paths from the root; `page` is where they stand. */
export function linkedPaths(page: string, text: string): string[] {
  const targets = [...withoutCodeBlocks(text).matchAll(/\]\(([^)\s]+)\)/g)].map(([, target = '']) => target)
  return targets
    .filter((target) => !/^(?:[a-z]+:|#)/.test(target))
    .map((target) => posix.join(posix.dirname(page), target.replace(/#.*$/, '')))
}

/** The words of all inline code that are written like paths or files: `src/cli`, `batch.cpp`, `native/model/<family>.cpp`. */
export function pathsInCode(text: string): string[] {
  const codes = [...withoutCodeBlocks(text).matchAll(/`([^`\n]+)`/g)].flatMap(([, code = '']) => code.split(/\s+/))
  return codes.filter((word) => /^[\w.<][\w.<>*-]*(?:\/[\w.<>*-]+)*\/?$/.test(word) && /\/|\.\w+$/.test(word))
}

function withoutCodeBlocks(text: string): string {
  return text.replace(/^```[\s\S]*?^```$/gm, '')
}

export interface MapEntry {
  /** From the root; a folder ends with a slash. */
  path: string
  /** The text beside it. */
  about: string
}

/** The entries of a map of folders, in which indentation shows what is inside of what. */
export function readMap(map: string): MapEntry[] {
  const entries: MapEntry[] = []
  const outer: { indent: number; path: string }[] = []
  for (const line of map.split('\n').filter((line) => line.trim() !== '')) {
    const [, space = '', names = '', about = ''] = /^( *)(.*?)(?: {2,}(.*))?$/.exec(line) ?? []
    while ((outer.at(-1)?.indent ?? -1) >= space.length) outer.pop()
    const folder = outer.at(-1)?.path ?? ''
    for (const name of names.split(', ')) entries.push({ path: folder + name, about })
    if (names.endsWith('/')) outer.push({ indent: space.length, path: folder + names })
  }
  return entries
}

/** Names of files and folders in the text beside an entry of a map: `tokenizer/` and `messages.ts`. */
export function namesIn(about: string): string[] {
  return about.match(/(?<![\w./-])[\w.-]+(?:\/[\w.-]+)*(?:\/|\.(?:[cm]?ts|mjs|cpp|h|py|json))(?![\w/-])/g) ?? []
}

/** The paths on the left of a diagram. What begins as far right as the text of its first line is prose. */
export function pathsOfDiagram(diagram: string): string[] {
  const prose = /^ *\S+ +/.exec(diagram)?.[0].length ?? 0
  return diagram.split('\n').flatMap((line) => {
    const [, space = '', path = ''] = /^( *)(\S*)/.exec(line) ?? []
    return space.length < prose && path.includes('/') ? [path] : []
  })
}
