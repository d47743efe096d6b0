/** The documentation agrees with the tree: the map, the commands, the diagram of a request, links and paths. */
import { readFileSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { codeBelow, firstCells, linkedPaths, namesIn, pathsInCode, pathsOfDiagram, readMap } from './markdown.js'
import { files, folders, isIgnored, read, root } from './tree.js'

const pages = files.filter((file) =>
  /^(?:README|CONTRIBUTING|docs\/[\w-]+|bench\/README|demo\/README|third_party\/(?:mlx|xgrammar)\/README)\.md$/.test(
    file,
  ),
)
const scripts = Object.keys((JSON.parse(read('package.json')) as { scripts: object }).scripts)
/** npm itself calls these. */
const hooks = ['install', 'prepack']

const namesOfFolders = new Set(folders.map((folder) => basename(folder)))
const isFolder = (path: string) => folders.includes(path.replace(/\/$/, ''))
const exists = (path: string) => isFolder(path) || files.includes(path)
/** The folders directly inside of a folder. */
const foldersIn = (folder: string) => folders.filter((path) => dirname(path) === folder)

describe('the map in CONTRIBUTING.md', () => {
  const entries = readMap(codeBelow(read('CONTRIBUTING.md'), 'Map'))
  /** The entries, and what the text beside them names: something inside of the entry, or a path from the root. */
  const named = entries.flatMap(({ path, about }) => {
    const beside = namesIn(about).map((name) => (path.endsWith('/') && !exists(name) ? path + name : name))
    return [path, ...beside]
  })
  const isNamed = (folder: string) => named.some((path) => path.startsWith(`${folder}/`))

  it('names only what exists', () => {
    expect(entries.length).toBeGreaterThan(10)
    expect(named.filter((path) => !exists(path))).toEqual([])
  })

  it('names every folder at the top', () => {
    const top = foldersIn('.').filter((folder) => !folder.startsWith('.'))
    expect(top.filter((folder) => !isNamed(folder))).toEqual([])
  })

  it.each(['src', 'native'])('names every folder of %s/', (part) => {
    expect(foldersIn(part)).not.toEqual([])
    expect(foldersIn(part).filter((folder) => !isNamed(folder))).toEqual([])
  })

  it('names all folders of a part of src/ or native/ if it names one of them', () => {
    const inside = [...foldersIn('src'), ...foldersIn('native')].map(foldersIn)
    const partly = inside.filter((some) => some.some(isNamed))
    expect(partly.flat().filter((folder) => !isNamed(folder))).toEqual([])
  })
})

describe('the commands', () => {
  it.each(pages)('of npm that %s names exist', (page) => {
    const called = [...read(page).matchAll(/\bnpm (?:run ([\w:-]+)|(test|start)\b)/g)].map(
      ([, script, short]) => script ?? short,
    )
    expect(called.filter((script) => !scripts.includes(script as string))).toEqual([])
  })

  it('of npm are all in the table of CONTRIBUTING.md, except npm start, which is in README.md', () => {
    const table = firstCells(read('CONTRIBUTING.md')).map((code) => /^npm (?:run )?([\w:-]+)/.exec(code)?.[1])
    const called = scripts.filter((script) => !hooks.includes(script) && script !== 'start')
    expect(called.filter((script) => !table.includes(script))).toEqual([])
    expect(read('README.md')).toMatch(/^npm start\b/m)
  })

  it('of tether that README.md names in its table exist', async () => {
    const named = firstCells(read('README.md')).map((code) => /^tether ([a-z]+)/.exec(code)?.[1])
    const commands = await tetherCommands()
    expect(named).toContain('config')
    expect(named.filter((command) => command && !commands.includes(command))).toEqual([])
  })

  it('of tether are all in README.md', async () => {
    const readme = read('README.md')
    const commands = await tetherCommands()
    expect(commands).toContain('pull')
    expect(commands.filter((command) => !new RegExp(`\\btether ${command}\\b`).test(readme))).toEqual([])
  })
})

describe('the diagram of one request in docs/architecture.md', () => {
  it('names only files and folders of src/ and native/', () => {
    const paths = pathsOfDiagram(codeBelow(read('docs/architecture.md'), 'One request'))
    expect(paths.length).toBeGreaterThan(5)
    const there = new Set([...folders, ...files, ...files.map((file) => file.replace(/\.\w+$/, ''))])
    const fromRoot = (path: string) => (/^(?:src|native)\//.test(path) ? path : `src/${path}`)
    expect(paths.filter((path) => !there.has(fromRoot(path)))).toEqual([])
  })
})

describe.each(pages)('%s', (page) => {
  it('links only to what exists', () => {
    expect(linkedPaths(page, read(page)).filter((path) => !exists(path))).toEqual([])
  })

  it('names only paths that exist', () => {
    const own = pathsInCode(read(page)).filter(isOfThisTree)
    expect(own.filter((path) => !isInTree(path))).toEqual([])
  })
})

describe('the size of the demo model', () => {
  const header = readFileSync(join(root, 'demo/model/model.safetensors'))
  const length = Number(header.readBigUInt64LE())
  const tensors: Record<string, { shape?: number[] }> = JSON.parse(header.toString('utf8', 8, 8 + length))
  const counts = Object.values(tensors).map(({ shape = [0] }) => shape.reduce((a, b) => a * b, 1))
  const millions = (counts.reduce((a, b) => a + b, 0) / 1e6).toFixed(1)

  it.each(['README.md', 'demo/README.md'])('in %s is that of its checkpoint', (page) => {
    expect(/([\d.]+) million parameters/.exec(read(page))?.[1]).toBe(millions)
  })
})

/** The commands of src/cli but `run`, which is `tether` without a command. */
async function tetherCommands(): Promise<string[]> {
  const file = files.find((file) => file.startsWith('src/cli/') && /^export const commands\b/m.test(read(file)))
  if (!file) throw new Error('no file of src/cli exports `commands`')
  const { commands } = (await import(join(root, file))) as { commands: object }
  return Object.keys(commands).filter((name) => name !== 'run')
}

/** Whether a path means this repository, not the user's files, a checkpoint or a build. */
function isOfThisTree(path: string): boolean {
  const [first = '', second] = path.split('/')
  if (isIgnored(first) || (first.startsWith('.') && !exists(first))) return false
  if (second === undefined) return /\.(?:ts|cpp|h|py)$/.test(path)
  return namesOfFolders.has(first) || /\.(?:[cm]?ts|mjs|cpp|h|py|md|yml)$/.test(path)
}

/** A path may begin at any folder and omit the ending: `model/batch` stands for src/model/batch.ts. */
function isInTree(path: string): boolean {
  const pattern = path
    .replace(/\/$/, '')
    .replaceAll('.', '\\.')
    .replace(/<[^>]*>|\*/g, '[^/]+')
  const found = new RegExp(`(?:^|/)${pattern}(?:\\.\\w+)?$`)
  return [...files, ...folders].some((one) => found.test(one))
}
