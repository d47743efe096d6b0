/** The check for circles of imports, on made-up files. */
import { describe, expect, it } from 'vitest'
import { importCircles, importsOfTypeScript, includesOfCpp } from './circles.js'

const graph = (imports: Record<string, string[]>) => new Map(Object.entries(imports))

describe('importCircles', () => {
  it('finds two files that import each other', () => {
    expect(importCircles(graph({ a: ['b'], b: ['a'] }))).toEqual([['a', 'b']])
  })

  it('finds a circle of three files and names them in the order of their imports', () => {
    expect(importCircles(graph({ b: ['a'], a: ['c', 'd'], c: ['b'], d: [] }))).toEqual([['a', 'c', 'b']])
  })

  it('finds a file that imports itself', () => {
    expect(importCircles(graph({ a: ['a'] }))).toEqual([['a']])
  })

  it('finds each of two circles that share a file', () => {
    const circles = importCircles(graph({ a: ['b', 'c'], b: ['a'], c: ['a'] }))
    expect(circles).toEqual([
      ['a', 'b'],
      ['a', 'c'],
    ])
  })

  it('finds none where two files import the same third one, or a file outside the graph', () => {
    expect(importCircles(graph({ a: ['b', 'c'], b: ['d'], c: ['d', 'elsewhere'], d: [] }))).toEqual([])
  })
})

describe('importsOfTypeScript', () => {
  it.each([
    ["import { a } from './other.js'"],
    ["import './other.js'"],
    ["import type { A } from './other.js'"],
    ["import { type A } from './other.js'"],
    ["import other = require('./other.js')"],
    ["export { a } from './other.js'"],
    ["export type * from './other.js'"],
    ["const other = await import('./other.js')"],
    ["type A = import('./other.js').A"],
    ["let a: typeof import('./other.js')"],
    ["function a(b: { c: import('./other.js').A[] }) {}"],
  ])('finds %s', (text) => {
    expect(importsOfTypeScript('src/part/one.ts', text)).toEqual(['src/part/other.ts'])
  })

  it('follows a path out of the folder', () => {
    expect(importsOfTypeScript('src/part/one.ts', "import { a } from '../two/three.js'")).toEqual(['src/two/three.ts'])
  })

  it('finds none in packages, comments and strings', () => {
    const text = "import fs from 'node:fs'\n// import a from './b.js'\nconst a = \"import b from './b.js'\""
    expect(importsOfTypeScript('src/one.ts', text)).toEqual([])
  })
})

describe('includesOfCpp', () => {
  const all = ['native/engine/a.h', 'native/engine/b.h', 'native/model/b.h']

  it('finds what is included by a path from the include folder', () => {
    expect(includesOfCpp('native/engine/a.h', '#include "model/b.h"\n', 'native', all)).toEqual(['native/model/b.h'])
  })

  it('finds what is included by a path from the file itself', () => {
    expect(includesOfCpp('native/engine/a.h', '#include "b.h"\n', 'native', all)).toEqual(['native/engine/b.h'])
  })

  it('finds none in headers of the system and of libraries', () => {
    expect(includesOfCpp('native/engine/a.h', '#include <vector>\n#include "mlx/mlx.h"\n', 'native', all)).toEqual([])
  })
})
