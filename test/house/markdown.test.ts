/** The readers of documentation, on made-up pages. */
import { describe, expect, it } from 'vitest'
import {
  codeBelow,
  firstCells,
  linkedPaths,
  namesIn,
  pathsInCode,
  pathsOfDiagram,
  readMap,
  shellCommands,
  tableBelow,
} from './markdown.js'

describe('codeBelow', () => {
  it('finds the first code below a heading', () => {
    const page = '# Page\n\n## Map\n\nSome text.\n\n```\nsrc/\n```\n\n```sh\nls\n```\n'
    expect(codeBelow(page, 'Map')).toBe('src/\n')
  })

  it('finds nothing below the next heading', () => {
    expect(codeBelow('# Page\n\n## Map\n\n## Other\n\n```\nsrc/\n```\n', 'Map')).toBe('')
  })
})

describe('readMap', () => {
  const map = [
    'src/       code',
    '  index.ts   the API',
    '  chat/      text',
    '    formats/   one a family',
    'test/   tests',
  ]

  it('puts each entry inside of the folder that it is indented below', () => {
    const paths = readMap(map.join('\n')).map(({ path }) => path)
    expect(paths).toEqual(['src/', 'src/index.ts', 'src/chat/', 'src/chat/formats/', 'test/'])
  })

  it('reads several entries of one line', () => {
    expect(readMap('native/   C++\n  napi/, addon.cpp   JavaScript')).toEqual([
      { path: 'native/', about: 'C++' },
      { path: 'native/napi/', about: 'JavaScript' },
      { path: 'native/addon.cpp', about: 'JavaScript' },
    ])
  })
})

it('namesIn finds folders and files in the text beside an entry, and no other words', () => {
  const about = 'text and/or more: tokenizer/, formats/; messages.ts runs them, e.g. src/chat/. Node.js'
  expect(namesIn(about)).toEqual(['tokenizer/', 'formats/', 'messages.ts', 'src/chat/'])
})

it('firstCells finds the command at the head of each row of a table', () => {
  const page = '| command | does |\n| --- | --- |\n| `npm test` | all of `npm run check` |\n\n`npm start`\n'
  expect(firstCells(page)).toEqual(['npm test'])
})

it('linkedPaths finds links to files, from the folder of their page, and no addresses', () => {
  const text = '[a](b.md#part) [c](../d/) [e](https://example.org/f) [g](#h)\n```\n[i](j.md)\n```\n'
  expect(linkedPaths('docs/page.md', text)).toEqual(['docs/b.md', 'd/'])
})

it('pathsInCode finds paths and files in inline code, and no flags, keys, addresses or other code', () => {
  const text =
    'src/a.ts `src/b.ts` `npm test -- test/c` `d.cpp` `native/<e>.cpp` `f` `--g` `/h/i` `~/j/k` `@l/m` `n()/o`'
  expect(pathsInCode(text)).toEqual(['src/b.ts', 'test/c', 'd.cpp', 'native/<e>.cpp'])
})

it('pathsOfDiagram finds the paths on the left, and none in the text beside them', () => {
  const diagram = [
    'server/listen   node:http -> Request',
    '  model/run       the stages of model/load',
    '    engine/a-long-name   -> tokens',
    '                  or/and more of the text',
  ]
  expect(pathsOfDiagram(diagram.join('\n'))).toEqual(['server/listen', 'model/run', 'engine/a-long-name'])
})

it('shellCommands finds every command of blocks of shell, joined and without comments, and no other code', () => {
  const page = "```sh\n# first\na 'b#c'   # why\nd \\\n  e\n\n```\n\n```ts\nf()\n```\n\n```bash\ng\n```\n"
  expect(shellCommands(page)).toEqual(["a 'b#c'", 'd e', 'g'])
})

it('tableBelow finds the rows of the first table below a heading', () => {
  const page = '\n## One\n\nText.\n\n| a | b |\n| - | - |\n| c | `d` |\n| e | f |\n\n| g |\n| - |\n| h |\n\n## Two\n'
  expect(tableBelow(page, 'One')).toEqual([
    ['c', '`d`'],
    ['e', 'f'],
  ])
  expect(tableBelow(page, 'Two')).toEqual([])
})
