/** A clone of tether with the real scripts, where npm, the compiler, MLX and the command line are fakes of no weight. */
import { execFileSync } from 'node:child_process'
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { removePlace } from './remove-place.js'

const root = join(import.meta.dirname, '..', '..')

export interface FakeClone {
  folder: string
  home: string
  /** A folder of the user's, outside of the clone. */
  project: string
  /** The only folder of PATH. */
  bin: string
  env: Record<string, string>
  /** Writes an executable of /bin/sh into bin. */
  program(name: string, script: string): void
  without(name: string): void
  /** What the fake programs noted, a line each, such as `npm ci`. */
  calls(): string[]
  remove(): void
}

/**
 * Everything is there but the build, the packages and Claude Code. `npm` is a fake that installs the packages; with
 * `realNpm`, which needs a network for that, they are there.
 */
export function makeFakeClone({ realNpm = false } = {}): FakeClone {
  const base = realpathSync(mkdtempSync(join(tmpdir(), 'tether-fake-clone-')))
  const [folder, home, project, bin] = ['clone', 'home', 'project', 'bin'].map((name) => join(base, name)) as Four
  const notes = join(base, 'calls')
  for (const path of [folder, home, project, bin, join(base, 'mlx/lib'), join(base, 'temp')]) {
    mkdirSync(path, { recursive: true })
  }
  write(join(base, 'mlx/include/mlx/mlx.h'), '')
  write(join(base, 'xgrammar/include/xgrammar/xgrammar.h'), '')
  fillClone(folder)
  const program: FakeClone['program'] = (name, script) => {
    rmSync(join(bin, name), { force: true })
    write(join(bin, name), `#!/bin/sh\n${script}\n`)
    chmodSync(join(bin, name), 0o755)
  }
  symlinkSync(process.execPath, join(bin, 'node'))
  for (const name of ['sh', 'mkdir', 'cp', 'sleep', 'cat', 'stty', 'chmod', ...(realNpm ? ['npm'] : [])]) {
    symlinkSync(realpathSync(which(name)), join(bin, name))
  }
  program('c++', 'exit 0')
  program('cmake', 'echo cmake version 3.25.1')
  program('python3', 'exit 0')
  if (realNpm) cpSync(join(folder, 'packages'), join(folder, 'node_modules'), { recursive: true })
  else program('npm', fakeNpm)
  return {
    folder,
    home,
    project,
    bin,
    env: {
      HOME: home,
      TMPDIR: join(base, 'temp'),
      PATH: bin,
      MLX_DIR: join(base, 'mlx'),
      XGRAMMAR_DIR: join(base, 'xgrammar'),
      CALLS: notes,
      PACKAGES: join(folder, 'packages'),
      CLAUDE: join(bin, 'claude'),
    },
    program,
    without: (name) => rmSync(join(bin, name)),
    calls: () => (existsSync(notes) ? readFileSync(notes, 'utf8').trim().split('\n') : []),
    remove: () => removePlace(base),
  }
}

type Four = [string, string, string, string]

/** The packages lie in packages/, from where the fake npm installs them. */
function fillClone(folder: string): void {
  for (const name of ['scripts', 'bin', 'third_party'])
    cpSync(join(root, name), join(folder, name), { recursive: true })
  const scripts = { start: 'node scripts/start.mjs' }
  write(join(folder, 'package.json'), JSON.stringify({ name: 'fake', version: '1.0.0', type: 'module', scripts }))
  const names = ['cmake-js', 'typescript']
  const packages = Object.fromEntries(
    names.map((name) => [`node_modules/${name}`, { version: '1.0.0', integrity: name }]),
  )
  write(join(folder, 'package-lock.json'), JSON.stringify({ packages: { '': {}, ...packages } }))
  write(join(folder, 'packages/.package-lock.json'), JSON.stringify({ packages }))
  const manifest = (name: string) => JSON.stringify({ name, bin: { 'cmake-js': 'run.cjs', tsc: 'run.cjs' } })
  for (const name of names) write(join(folder, 'packages', name, 'package.json'), manifest(name))
  write(join(folder, 'packages/cmake-js/run.cjs'), fakeCmakeJs)
  write(join(folder, 'packages/typescript/run.cjs'), fakeTsc)
  for (const name of ['src/index.ts', 'src/cli/main.ts']) write(join(folder, name), '')
}

const fakeNpm = `echo "npm $*" >> "$CALLS"
case "$1" in
  ci) mkdir -p node_modules && cp -R "$PACKAGES/." node_modules/ ;;
  install) printf '#!/bin/sh\\necho "9.9.9 (Claude Code)"\\n' > "$CLAUDE" && chmod +x "$CLAUDE" ;;
esac`

/** BUILD is the output, line by line, with a pause of PAUSE milliseconds after each; FAIL the exit status. */
const fakeCmakeJs = `const { appendFileSync, mkdirSync, writeFileSync } = require('node:fs')
const { BUILD = '', PAUSE = '0', FAIL, CALLS } = process.env
async function main() {
  appendFileSync(CALLS, 'cmake-js ' + process.argv[2] + ' ' + process.pid + '\\n')
  if (process.argv[2] !== 'build') return
  for (const line of BUILD.split('\\n')) {
    console.log(line)
    await new Promise((resolve) => setTimeout(resolve, Number(PAUSE)))
  }
  if (FAIL) process.exit(Number(FAIL))
  mkdirSync('build/Release', { recursive: true })
  writeFileSync('build/Release/tether.node', '')
}
main()`

/** Its command line prints where it runs, with which arguments, and what it sees of npm. */
const fakeTsc = `const { mkdirSync, writeFileSync } = require('node:fs')
mkdirSync('dist/cli', { recursive: true })
writeFileSync('dist/index.js', '')
writeFileSync('dist/cli/main.js', \`export async function main(args, options = {}) {
  const { PATH, PWD } = process.env
  const npm = Object.keys(process.env).filter((name) => /^npm_(package|lifecycle|config_(global|local_)?(prefix|config)$)|INIT_CWD/.test(name))
  console.log('started ' + JSON.stringify({ args, declined: options.declined, cwd: process.cwd(), PWD, PATH, npm }))
  return 0
}\`)`

export interface Started {
  args: string[]
  declined?: boolean
  cwd: string
  PWD: string
  PATH: string
  npm: string[]
}

/** What the fake command line printed. */
export function started(output: string): Started {
  const line = /^started (.*)$/m.exec(output.replaceAll('\r', ''))?.[1]
  if (line === undefined) throw new Error(`tether was not started:\n${output}`)
  return JSON.parse(line)
}

function which(name: string): string {
  return execFileSync('sh', ['-c', `command -v ${name}`], { encoding: 'utf8' }).trim()
}

function write(path: string, text: string): void {
  mkdirSync(dirname(path), { recursive: true })
  writeFileSync(path, text)
}
