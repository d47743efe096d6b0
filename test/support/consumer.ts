/** Projects in temporary folders that use tether's packages, each with its own home and only node on PATH. */
import { execFileSync, spawn, spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, realpathSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { collectOutput, type Ended, type Output } from './cli-output.js'
import { removePlace } from './remove-place.js'

export const root = join(import.meta.dirname, '..', '..')

export const platformName = `@tether/mlx-${process.platform}-${process.arch}`

/** The paths of the two archives, and the command for installing them that was printed. */
export interface Packages {
  main: string
  platform: string
  install: string
}

/** Packs this tree, as `npm run pack` does in a workflow of the repository me/tether. */
export function pack(folder: string): Packages {
  const env = { ...process.env, GITHUB_SERVER_URL: 'https://git.example', GITHUB_REPOSITORY: 'me/tether' }
  const { status, stderr } = spawnSync(process.execPath, [join(root, 'scripts/pack.mjs'), folder], {
    env,
    encoding: 'utf8',
  })
  if (status !== 0) throw new Error(`pack.mjs ended with ${status}:\n${stderr}`)
  const archives = readdirSync(folder).filter((name) => name.endsWith('.tgz'))
  const find = (start: RegExp) => join(folder, archives.find((name) => start.test(name)) ?? `no archive like ${start}`)
  const install = /^ {2}(npm install .*)$/m.exec(stderr)?.[1] ?? 'no command for installing was printed'
  return { main: find(/^tether-mlx-\d/), platform: find(/^tether-mlx-[a-z]/), install }
}

export interface Consumer {
  folder: string
  /** Runs a program by its name on PATH or by its path in the project. */
  run(command: string, args: string[], env?: Record<string, string>): Promise<Ended>
  start(command: string, args: string[], env?: Record<string, string>): Output & { kill(): void }
  remove(): void
}

/** Makes an empty project. `path`: folders of PATH besides that of node. */
export function makeConsumer({ path = [] as string[] } = {}): Consumer {
  // The real path: on a Mac the temporary folder is a link, and messages have real paths.
  const base = realpathSync(mkdtempSync(join(tmpdir(), 'tether-consumer-')))
  const folder = join(base, 'project')
  for (const name of ['project/node_modules', 'home', 'bin', 'temp']) mkdirSync(join(base, name), { recursive: true })
  symlinkSync(process.execPath, join(base, 'bin', 'node'))
  writeFileSync(join(folder, 'package.json'), JSON.stringify({ name: 'consumer', version: '1.0.0', private: true }))
  const spawnIn = (command: string, args: string[], env: Record<string, string> = {}) =>
    spawn(command.includes('/') ? join(folder, command) : command, args, {
      cwd: folder,
      stdio: ['ignore', 'pipe', 'pipe'],
      env: {
        HOME: join(base, 'home'),
        TMPDIR: join(base, 'temp'),
        PATH: [join(base, 'bin'), ...path].join(':'),
        ...env,
      },
    })
  return {
    folder,
    run: (command, args, env) => collectOutput(spawnIn(command, args, env)).ended,
    start(command, args, env) {
      const child = spawnIn(command, args, env)
      return { ...collectOutput(child), kill: () => child.kill() }
    },
    remove: () => removePlace(base),
  }
}

/** Installs without a network: unpacks the archives and links only the dependencies of the main package. */
export function installOffline(consumer: Consumer, { main, platform }: Partial<Packages> & { main: string }): void {
  const modules = join(consumer.folder, 'node_modules')
  unpack(main, join(modules, '@tether/mlx'))
  if (platform) unpack(platform, join(modules, platformName))
  for (const name of Object.keys(readManifest(join(modules, '@tether/mlx')).dependencies ?? {}))
    linkModule(consumer, name)
  mkdirSync(join(modules, '.bin'))
  symlinkSync('../@tether/mlx/bin/tether.mjs', join(modules, '.bin', 'tether'))
}

/** Links a package of this repository's node_modules into the consumer's. */
export function linkModule(consumer: Consumer, name: string): void {
  const target = join(consumer.folder, 'node_modules', name)
  mkdirSync(dirname(target), { recursive: true })
  symlinkSync(join(root, 'node_modules', name), target)
}

export interface Manifest {
  version: string
  dependencies?: Record<string, string>
  optionalDependencies?: Record<string, string>
  [field: string]: unknown
}

export function readManifest(folder: string): Manifest {
  return JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as Manifest
}

function unpack(archive: string, folder: string): void {
  mkdirSync(folder, { recursive: true })
  execFileSync('tar', ['-xzf', archive, '-C', folder, '--strip-components=1'])
}
