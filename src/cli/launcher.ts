/** How tether was started, as words that start it again where the user stands: only here is that decided. */
import { existsSync, readFileSync, realpathSync } from 'node:fs'
import { basename, delimiter, dirname, join, resolve } from 'node:path'
import { packageName, packageRoot } from './package.js'
import { quoted } from './terminal/quoted.js'

type Env = Record<string, string | undefined>

/** What is known of the start. */
export interface Started {
  /** argv[1], which is absolute; a link, such as those in node_modules/.bin, is not followed. */
  program: string
  env: Env
  cwd: string
  /** The package's own folder. */
  root: string
}

export function startOfThis(): Started {
  return { program: process.argv[1] ?? '', env: process.env, cwd: currentFolder(), root: resolve(packageRoot) }
}

/** The start of a line for a shell. `read`: a shell or a program reads the output, so npm may not print before it. */
export function launcher({ program, env, cwd, root }: Started, { read = false } = {}): string {
  const name = basename(program)
  const standsInRoot = folderOfNpm(cwd) === root
  if (name === 'start.mjs') {
    if (read) return node(join(root, 'bin', 'tether.mjs'))
    return standsInRoot ? 'npm start --' : `npm --prefix ${quoted(root)} start --`
  }
  if (name === 'tether.mjs') return node(program)
  if (name !== 'tether') return 'tether'
  const npx = ofNpx(program)
  // npx puts what is in no project into a folder of its own: also a clone that the user stands in.
  if (npx && isClone(npx, root)) return standsInRoot ? 'npx tether' : `npx ${quoted(root)}`
  if (npx) return `npx ${wordsOfNpx(npx)}`
  if (basename(dirname(program)) === '.bin') return ofProject({ program, env, cwd })
  return isOnPath(env) ? 'tether' : quoted(program)
}

function node(program: string): string {
  return `node ${quoted(program)}`
}

/** For a program in a project's node_modules/.bin. */
function ofProject({ program, env, cwd }: Omit<Started, 'root'>): string {
  // npm puts the folder on PATH only for what it starts itself.
  const isOnOwnPath = env.npm_lifecycle_event === undefined && foldersOfPath(env).includes(dirname(program))
  if (isOnOwnPath) return 'tether'
  const project = realPath(join(dirname(program), '..', '..'))
  return project !== undefined && folderOfNpm(cwd) === project ? 'npx tether' : quoted(program)
}

/** The folder of npx, .npm/_npx/HASH, that the program is in. */
function ofNpx(program: string): string | undefined {
  return /^(.*\/_npx\/[^/]+)\/node_modules\/\.bin\/[^/]+$/.exec(program)?.[1]
}

function isClone(npx: string, root: string): boolean {
  const folder = realPath(npx)
  return folder !== undefined && !root.startsWith(`${folder}/`)
}

function realPath(path: string): string | undefined {
  try {
    return realpathSync(path)
  } catch {
    return undefined
  }
}

/** What npx was asked for: the package, or an archive of it, which the name alone would not find. */
function wordsOfNpx(npx: string): string {
  try {
    const { dependencies } = JSON.parse(readFileSync(join(npx, 'package.json'), 'utf8'))
    const archive = /^file:(.*)/.exec(dependencies[packageName])?.[1]
    return archive ? `--package=${quoted(resolve(npx, archive))} tether` : packageName
  } catch {
    return packageName
  }
}

/** The folder that npm works in: the nearest one with a package.json or node_modules. */
function folderOfNpm(cwd: string): string | undefined {
  for (let folder = cwd; ; folder = dirname(folder)) {
    if (existsSync(join(folder, 'package.json')) || existsSync(join(folder, 'node_modules'))) return folder
    if (folder === dirname(folder)) return undefined
  }
}

/** Without PATH nobody can know. */
function isOnPath(env: Env): boolean {
  return env.PATH === undefined || foldersOfPath(env).some((folder) => existsSync(join(folder, 'tether')))
}

function foldersOfPath({ PATH = '' }: Env): string[] {
  return PATH.split(delimiter).filter(Boolean)
}

function currentFolder(): string {
  try {
    return process.cwd()
  } catch {
    // It was removed.
    return '/'
  }
}
