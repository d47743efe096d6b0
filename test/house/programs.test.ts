/** Programs outside of src/ import from dist/ only what src/ exports. */
import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { files, read, root } from './tree.js'

/** The source of a module of dist/, and the names that a program imports from it. */
interface FromDist {
  source: string
  names: string[]
}

const programs = files
  .filter((file) => file.endsWith('.mjs'))
  .map((file) => ({ file, imports: importsFromDist(file, read(file)) }))
  .filter(({ imports }) => imports.length > 0)

describe('imports from dist/', () => {
  it('are found in bin/, scripts/, bench/ and native/test/', () => {
    const expected = ['bin/run-tether.mjs', 'scripts/start-tether.mjs', 'bench/engine.mjs', 'native/test/crossing.mjs']
    expect(programs.map(({ file }) => file)).toEqual(expect.arrayContaining(expected))
  })

  it.each(programs)('of $file have a source that exports their names', ({ imports }) => {
    const missing = imports.flatMap(({ source, names }) => {
      if (!existsSync(join(root, source))) return [source]
      return names.filter((name) => !exportsName(read(source), name)).map((name) => `${name} of ${source}`)
    })
    expect(missing).toEqual([])
  })
})

/** `import { a } from '../dist/b.js'` and `const { a } = await import('../dist/b.js')`, and paths of dist/ in other places. */
function importsFromDist(file: string, text: string): FromDist[] {
  const pattern = /(?:\{([^{}]*)\}\s*(?:from|= await import\()\s*)?'((?:\.\.\/)+dist\/[\w./-]+\.js)'/g
  return [...text.matchAll(pattern)].map(([, names = '', path = '']) => ({
    source: join(dirname(file), path)
      .replace(/^dist\//, 'src/')
      .replace(/\.js$/, '.ts'),
    names: names.split(',').flatMap((name) => /\w+/.exec(name)?.[0] ?? []),
  }))
}

function exportsName(text: string, name: string): boolean {
  const declared = new RegExp(`^export (?:async )?(?:const|let|class|function\\*?) ${name}\\b`, 'm')
  const listed = [...text.matchAll(/^export \{([^}]*)\}/gm)].flatMap(([, names = '']) => names.split(/[\s,]+/))
  return declared.test(text) || listed.includes(name)
}
