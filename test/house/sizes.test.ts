/** Files and functions have a maximum length, and no block of code is repeated. */
import { describe, expect, it } from 'vitest'
import { longFunctions } from './long-functions.js'
import { repeatedBlocks } from './repeated-blocks.js'
import { files, read } from './tree.js'

const typeScript = files.filter((file) => /^src\/.*\.[cm]?ts$/.test(file))
const cpp = files.filter((file) => /^(?:native|bench)\/.*\.(?:cpp|h)$/.test(file))

/** Model families: each file defines the function that loads it, `load_llama(…)`. They are written in the same order. */
const families = cpp.filter(
  (file) => /^native\/model\/\w+\.cpp$/.test(file) && /^std::unique_ptr<Model> load_(?!model\()\w+\(/m.test(read(file)),
)
const programs = files.filter(
  (file) => /\.(?:[cm]?ts|mjs|py|cpp|h)$/.test(file) && !/^(?:native\/)?test\//.test(file) && !families.includes(file),
)

describe('the size of the code', () => {
  it('is checked in all languages of the tree', () => {
    expect(typeScript).toContain('src/index.ts')
    expect(cpp).toContain('native/addon.cpp')
    expect(families).toEqual(expect.arrayContaining(['native/model/gemma4.cpp', 'native/model/llama.cpp']))
    expect(programs).toEqual(
      expect.arrayContaining([
        'scripts/setup.mjs',
        'demo/train/train.py',
        'native/addon.cpp',
        'native/model/model.cpp',
      ]),
    )
  })

  it('no TypeScript file of src/ has more than 300 lines', () => {
    expect(longerThan(300, typeScript)).toEqual([])
  })

  it('no function of src/ has more than 80 lines, functions inside of it included', () => {
    const long = typeScript.flatMap((file) =>
      longFunctions(read(file), 80).map(({ name, line, lines }) => `${file}:${line} ${name}: ${lines} lines`),
    )
    expect(long).toEqual([])
  })

  it('no C++ file has more than 450 lines', () => {
    expect(longerThan(450, cpp)).toEqual([])
  })

  it('no block of 8 or more lines is repeated outside of tests and model families', () => {
    const texts = new Map(programs.map((file) => [file, read(file)]))
    const found = repeatedBlocks(texts, 8).map(
      ({ first, second, lines }) =>
        `${second.file}:${second.line} repeats ${lines} lines of ${first.file}:${first.line}`,
    )
    expect(found).toEqual([])
  })
})

function longerThan(most: number, some: string[]): string[] {
  return some
    .map((file) => ({ file, lines: read(file).replace(/\n$/, '').split('\n').length }))
    .filter(({ lines }) => lines > most)
    .map(({ file, lines }) => `${file}: ${lines} lines`)
}

describe('longFunctions', () => {
  const filler = '  work()\n'.repeat(3)

  it('counts the lines of functions inside a function as its own', () => {
    const inner = `  const inner = () => {\n${filler}  }\n`
    expect(longFunctions(`\nfunction outer() {\n${inner}}\n`, 6)).toEqual([{ name: 'outer', line: 2, lines: 7 }])
  })

  it.each([
    ['a method', `class A {\nname() {\n${filler}}\n}`],
    ['an arrow function', `const name = () => {\n${filler}}`],
    ['a method of an object', `const a = {\nname() {\n${filler}}\n}`],
    ['a generator', `async function* name() {\n${filler}}`],
  ])('finds %s', (_, text) => {
    expect(longFunctions(text, 4)).toMatchObject([{ name: 'name', lines: 5 }])
  })

  it('finds none that is just as long as it may be', () => {
    expect(longFunctions(`function a() {\n${filler}}`, 5)).toEqual([])
  })
})

describe('repeatedBlocks', () => {
  const block = (name: string, count = 8) => Array.from({ length: count }, (_, i) => `${name}(${i})\n`).join('')
  const blocks = (texts: Record<string, string>) => repeatedBlocks(new Map(Object.entries(texts)), 8)

  it('finds a block of 8 lines in two files, and says where', () => {
    const texts = { 'a.ts': `first()\n${block('same')}`, 'b.ts': `\n\n${block('same')}last()\n` }
    const [first, second] = [
      { file: 'a.ts', line: 2 },
      { file: 'b.ts', line: 3 },
    ]
    expect(blocks(texts)).toEqual([{ first, second, lines: 8 }])
  })

  it('finds a longer block once, with its whole length', () => {
    const texts = { 'a.ts': block('same', 20), 'b.ts': block('same', 20) }
    expect(blocks(texts)).toMatchObject([{ lines: 20 }])
  })

  it('finds a block that stands twice in one file', () => {
    expect(blocks({ 'a.ts': `${block('same')}other()\n${block('same')}` })).toMatchObject([{ lines: 8 }])
  })

  it('finds a block whose copy is indented, has blank lines in it, comments and brackets', () => {
    const copy = block('same').replaceAll('\n', '\n\n  // why\n  })\n  /** more\n * of it */\n   ')
    expect(blocks({ 'a.ts': block('same'), 'b.ts': copy })).toMatchObject([{ lines: 8 }])
  })

  it('finds no block of 7 lines', () => {
    expect(blocks({ 'a.ts': block('same', 7), 'b.ts': block('same', 7) })).toEqual([])
  })

  it.each([
    ['a.ts', "import a from 'a'\nimport {\n  b,\n  type C,\n} from './b.js'\nimport 'd'\n"],
    ['a.mjs', "import a from 'a'\nexport * from 'b'\nimport { c } from 'c'\n"],
    ['a.cpp', '#pragma once\n#include <vector>\n#include "a/b.h"\n'],
    ['a.py', 'import json\nfrom a import b\nfrom c import (\n    d,\n)\n'],
  ])('does not count the imports of %s', (file, imports) => {
    const twice = imports.repeat(4)
    expect(blocks({ [file]: twice + block('a', 7), [`other/${file}`]: twice + block('a', 7) })).toEqual([])
  })
})
