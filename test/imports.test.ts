/** The direction of imports in src/ and native/: which part may import which, and no circles. */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { type ImportGraph, importCircles, importsOfTypeScript, includesOfCpp } from './house/circles.js'

const root = join(import.meta.dirname, '..')

/** A part of src/: a folder, or a file where the file differs from its folder. */
const parts = [
  'check-node',
  'errors',
  'options',
  'limits',
  'make-folder',
  'write-private',
  'read-file',
  'python-json',
  'one-line',
  'nearest',
  'within',
  'prefixes',
  'binding',
  'engine/types',
  'engine/stats',
  'engine/grammar',
  'engine',
  'chat/types',
  'chat',
  'turn',
  'model',
  'anthropic',
  'openai',
  'load-model',
  'server',
  'models',
  'cli',
  'index',
]

/**
 * What a part may import besides itself, errors, options, limits, make-folder, write-private, read-file, python-json, one-line,
 * nearest and within; a folder stands for all its files.
 */
const mayImport: Record<string, string[]> = {
  'check-node': [],
  errors: [],
  options: [],
  limits: [],
  'make-folder': [],
  'write-private': [],
  'read-file': [],
  'python-json': [],
  'one-line': [],
  nearest: [],
  within: [],
  prefixes: [],
  binding: ['engine/types', 'engine/grammar'],
  'engine/grammar': [],
  'engine/stats': [],
  'engine/types': ['engine/grammar', 'engine/stats'],
  engine: ['engine/types', 'binding'],
  'chat/types': ['engine/types'],
  chat: ['chat/types', 'engine/types', 'engine/grammar'],
  turn: ['chat', 'chat/types', 'engine/types', 'engine/grammar'],
  model: ['engine', 'engine/types', 'chat', 'chat/types', 'turn', 'prefixes'],
  // A protocol uses turn/; nothing below imports a protocol.
  anthropic: ['turn', 'chat/types', 'engine/types'],
  openai: ['turn', 'chat/types', 'engine/types'],
  'load-model': ['model', 'models', 'anthropic'],
  server: ['model', 'turn', 'anthropic', 'openai', 'engine/types'],
  models: ['engine', 'engine/types', 'model'],
  cli: ['models', 'server', 'model', 'engine', 'engine/types', 'prefixes', 'index'],
  index: [
    'check-node',
    'anthropic',
    'binding',
    'chat',
    'chat/types',
    'engine',
    'engine/types',
    'turn',
    'model',
    'load-model',
    'server',
  ],
}

describe('src', () => {
  const files = filesUnder('src', ['.ts'])
  const imports = new Map(files.map((file) => [file, ownImports(file)]))

  it('has files, each in a known part', () => {
    expect(files.length).toBeGreaterThan(0)
    expect(files.filter((file) => partOf(file) === undefined)).toEqual([])
  })

  it.each(parts)('%s imports only the parts that it may', (part) => {
    const allowed = [
      'errors',
      'options',
      'limits',
      'make-folder',
      'write-private',
      'read-file',
      'python-json',
      'one-line',
      'nearest',
      'within',
      part,
      ...(mayImport[part] ?? []),
    ]
    const wrong = files
      .filter((file) => partOf(file) === part)
      .flatMap((file) => (imports.get(file) ?? []).map((target) => ({ file, target })))
      .filter(({ target }) => !allowed.includes(partOf(target) ?? ''))
      .map(({ file, target }) => `${file} imports ${target}`)
    expect(wrong).toEqual([])
  })

  it('has no circle of imports, not even of types', () => {
    expect(circlesOf(imports)).toEqual([])
  })
})

describe('native', () => {
  const files = filesUnder('native', ['.cpp', '.h'])
  const includes = files.flatMap((file) => includesOf(file).map((target) => ({ file, target })))
  const wrong = (is: (file: string, target: string) => boolean) =>
    includes.filter(({ file, target }) => is(file, target)).map(({ file, target }) => `${file} includes ${target}`)

  it('has includes, so that these tests check something', () => {
    expect(includes.length).toBeGreaterThan(0)
  })

  it('has no circle of includes', () => {
    const own = (file: string) => includesOfCpp(file, readFileSync(join(root, file), 'utf8'), 'native', files)
    expect(circlesOf(new Map(files.map((file) => [file, own(file)])))).toEqual([])
  })

  /** What a folder may include of native/; the longest folder that a file is in counts. */
  const mayInclude: Record<string, RegExp> = {
    'native/cpu/kernels': /^cpu\/kernels|^quantization\.h$/,
    'native/cpu/blas': /^cpu\/blas\/|^cpu\/kernels\.h$/,
    'native/cpu/ops': /^cpu\/|^(matrix|quantization)\.h$/,
    'native/cpu': /^cpu\/(?!ops\/)|^(matrix|quantization)\.h$/,
    'native/model':
      /^model\/|^cpu\/ops\/(?!multiply\.h|operation\.h)|^cpu\/kernels\.h$|^(adapter_source|error|json|matrix|quantization)\.h$/,
  }
  const ownIncludes = includes.filter(({ target }) => files.includes(join('native', target)))

  it.each(Object.entries(mayInclude))('in %s includes of its own headers only those that it may', (folder, allowed) => {
    const isInside = (file: string) => {
      const within = Object.keys(mayInclude).filter((one) => file.startsWith(`${one}/`) || file.startsWith(`${one}.`))
      return within.sort((one, other) => other.length - one.length)[0] === folder
    }
    const inside = ownIncludes.filter(({ file }) => isInside(file))
    expect(inside).not.toEqual([])
    expect(inside.filter(({ target }) => !allowed.test(target))).toEqual([])
  })

  it('has kernels/ and blas/ that include no MLX', () => {
    const bare = (file: string) => /^native\/cpu\/(kernels|blas\/)/.test(file)
    expect(wrong((file, target) => bare(file) && target.startsWith('mlx/'))).toEqual([])
  })

  it('has an engine/ that does not include napi/', () => {
    expect(wrong((file, target) => file.startsWith('native/engine/') && target.startsWith('napi/'))).toEqual([])
  })

  it('has no MLX header in engine.h and types.h, not even through other headers', () => {
    const reached = ['native/engine/engine.h', 'native/engine/types.h']
    for (const file of reached) {
      for (const target of includesOf(file)) {
        const path = join('native', target)
        if (files.includes(path) && !reached.includes(path)) reached.push(path)
      }
    }
    expect(wrong((file, target) => reached.includes(file) && target.startsWith('mlx/'))).toEqual([])
  })

  it('includes napi.h only in napi/ and addon.cpp', () => {
    const allowed = (file: string) => file.startsWith('native/napi/') || file === 'native/addon.cpp'
    expect(wrong((file, target) => /^(napi|node_api|js_native_api)\.h$/.test(target) && !allowed(file))).toEqual([])
  })
})

function filesUnder(folder: string, endings: string[]): string[] {
  return readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
    .map((name) => join(folder, name))
    .filter((file) => endings.some((ending) => file.endsWith(ending)))
    .sort()
}

/** `src/engine/types.ts` -> `engine/types`, `src/engine/load.ts` -> `engine`. */
function partOf(file: string): string | undefined {
  const path = file.replace(/^src\//, '').replace(/\.ts$/, '')
  return [path, path.split('/')[0]].find((name) => name !== undefined && parts.includes(name))
}

/** Files of src/ that a file imports. */
function ownImports(file: string): string[] {
  return importsOfTypeScript(file, readFileSync(join(root, file), 'utf8'))
}

/** `src/a.ts -> src/b.ts -> src/a.ts`, one line a circle. */
function circlesOf(graph: ImportGraph): string[] {
  return importCircles(graph).map((circle) => [...circle, circle[0]].join(' -> '))
}

function includesOf(file: string): string[] {
  const found = readFileSync(join(root, file), 'utf8').matchAll(/^\s*#\s*include\s*[<"]([^>"]+)[>"]/gm)
  return [...found].map(([, target]) => target ?? '')
}
