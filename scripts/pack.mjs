// npm run pack [-- FOLDER]: packs @tether/mlx and the package of this platform into FOLDER (build/packages/).
// --release: fails if the addon needs a newer system than MLX itself.
import { execFileSync } from 'node:child_process'
import {
  chmodSync,
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { fetchMlx } from '../third_party/mlx/fetch.mjs'
import { fetchXgrammar } from '../third_party/xgrammar/fetch.mjs'
import { root, SetupError, script, setup } from './setup.mjs'
import { note, quoted } from './terminal-lines.mjs'

/** The platform packages. They are optional dependencies of the main package, and npm installs the one that fits. */
const platforms = {
  'darwin-arm64': { os: ['darwin'], cpu: ['arm64'] },
  'linux-arm64': { os: ['linux'], cpu: ['arm64'], libc: ['glibc'] },
  'linux-x64': { os: ['linux'], cpu: ['x64'], libc: ['glibc'] },
}

/** The versions that libmlx itself needs. */
const oldest = { GLIBC: '2.35', GLIBCXX: '3.4.30' }

/** Libraries that every system with Node has. */
const ofSystem = /^(libc|libm|libdl|libpthread|librt|libstdc\+\+|libgcc_s|ld-linux-[\w-]+)\.so/

const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
const platform = `${process.platform}-${process.arch}`

await script(async (args) => {
  const release = args.includes('--release')
  const out = resolve(root, args.find((arg) => !arg.startsWith('-')) ?? 'build/packages')
  await setup()
  mkdirSync(out, { recursive: true })
  for (const old of readdirSync(out).filter((name) => name.endsWith('.tgz'))) rmSync(join(out, old))
  // In the output folder, so that two runs with different output folders do not share it.
  const work = mkdtempSync(join(out, '.work-'))
  try {
    const folders = [mainPackage(join(work, 'main')), await platformPackage(join(work, 'platform'), release)]
    const archives = folders.map((folder) => report(npmPack(folder, out), out))
    note(
      `To install both, where -g gives the command tether, and a project takes them without it:\n\n  npm install -g ${archives.map(quoted).join(' ')}\n`,
    )
  } finally {
    rmSync(work, { recursive: true, force: true })
  }
})

/** The files that `npm pack` selects, with the package.json of the published package: no development tools in it. */
function mainPackage(folder) {
  const listed = JSON.parse(npm(['pack', '--dry-run', '--json', '--ignore-scripts'], root))[0].files
  for (const { path, mode } of listed) {
    mkdirSync(dirname(join(folder, path)), { recursive: true })
    copyFileSync(join(root, path), join(folder, path))
    chmodSync(join(folder, path), mode)
  }
  const { devDependencies: _, scripts, ...rest } = manifest
  write(folder, {
    ...rest,
    ...repository(),
    scripts: { install: scripts.install, build: scripts.build },
    // Not in the repository's package.json: until a version is published, `npm ci` could not find these.
    optionalDependencies: Object.fromEntries(
      Object.keys(platforms).map((name) => [packageName(name), manifest.version]),
    ),
  })
  return folder
}

/** One flat folder with the addon and the libraries that it loads, and their licences. */
async function platformPackage(folder, release) {
  const { mlx } = await fetchMlx()
  const binaries = join(folder, 'prebuilds', platform)
  mkdirSync(binaries, { recursive: true })
  const built = join(root, 'build/Release')
  const names = readdirSync(built).filter((name) => /\.(node|dylib|metallib)$|\.so(\.|$)/.test(name))
  for (const name of names) copyFileSync(join(built, name), join(binaries, name))
  if (process.platform === 'linux') {
    execFileSync('strip', ['--strip-unneeded', ...names.map((name) => join(binaries, name))])
    checkLinux(binaries, names, release)
  }
  licenses(dirname(mlx), join(folder, 'licenses'), release)
  xgrammarLicenses(await fetchXgrammar(), join(folder, 'licenses/xgrammar'))
  for (const name of ['LICENSE', 'NOTICE']) copyFileSync(join(root, name), join(folder, name))
  writeFileSync(
    join(folder, 'README.md'),
    `# ${packageName(platform)}\n\nThe native addon of ${manifest.name} ${manifest.version} for ${platform}, with MLX. Install ${manifest.name} instead: it depends on this package.\n`,
  )
  const { version, license, author, engines, publishConfig } = manifest
  write(folder, {
    name: packageName(platform),
    version,
    description: `The native addon of ${manifest.name} for ${platform}`,
    license:
      process.platform === 'linux'
        ? `${license} AND Apache-2.0 AND BSD-2-Clause AND BSD-3-Clause AND GPL-3.0-or-later WITH GCC-exception-3.1 AND LGPL-2.1-or-later`
        : `${license} AND Apache-2.0 AND BSD-2-Clause`,
    author,
    ...repository(),
    engines,
    ...platforms[platform],
    type: 'commonjs',
    exports: { './package.json': './package.json' },
    files: ['prebuilds', 'licenses', 'NOTICE'],
    // The system's loader cannot read these files from an archive.
    preferUnplugged: true,
    publishConfig,
  })
  return folder
}

/** The wheels' own licence files, and those that the wheels do not contain. */
function licenses(wheels, folder, release) {
  mkdirSync(folder)
  const infos = readdirSync(wheels).filter((name) => name.endsWith('.dist-info'))
  if (infos.length === 0) {
    const missing = `${wheels} has no wheels, so the licences of the linked libraries are missing; unset MLX_DIR`
    if (release) throw new SetupError(`This package cannot be published: ${missing}.`)
    note(`Do not distribute this package: ${missing}`)
  }
  for (const info of infos) {
    const from = join(wheels, info, 'licenses')
    if (!existsSync(from)) throw new SetupError(`${from} is missing. Remove ${wheels}, and MLX is fetched again.`)
    cpSync(from, join(folder, info.replace('.dist-info', '')), { recursive: true })
  }
  const own = ['within-libmlx.txt', ...(process.platform === 'linux' ? ['LGPL-2.1.txt'] : [])]
  for (const name of own) copyFileSync(join(root, 'third_party/licenses', name), join(folder, name))
}

/** xgrammar is compiled into the addon, with the JSON parser and the header that it brings. */
function xgrammarLicenses(sources, folder) {
  mkdirSync(folder)
  for (const name of ['LICENSE', 'NOTICE']) copyFileSync(join(sources, name), join(folder, name))
  copyFileSync(join(sources, '3rdparty/dlpack/LICENSE'), join(folder, 'dlpack-LICENSE'))
  const header = readFileSync(join(sources, '3rdparty/picojson/picojson.h'), 'utf8')
  writeFileSync(join(folder, 'picojson-LICENSE'), header.slice(0, header.indexOf('*/') + 3))
}

/** Checks that all libraries are there and the folder can be moved; for a release, that it needs no newer system. */
function checkLinux(folder, names, release) {
  const needs = { GLIBC: '0', GLIBCXX: '0' }
  for (const name of names) {
    const dynamic = readelf(['-d', join(folder, name)])
    for (const [, library] of dynamic.matchAll(/\(NEEDED\).*\[(.+)\]/g)) {
      if (ofSystem.test(library) || names.includes(library)) continue
      throw new SetupError(`${name} needs ${library}, which is missing in its folder. Build again: npm run build`)
    }
    if (name === 'tether.node' && !/\(RPATH\).*\[\$ORIGIN[\]:]/.test(dynamic)) {
      throw new SetupError(
        'tether.node has no DT_RPATH of $ORIGIN, so it finds libmlx only in this folder. Build again: npm run build',
      )
    }
    for (const [, set, version] of readelf(['-V', join(folder, name)]).matchAll(/\b(GLIBC|GLIBCXX)_([\d.]+)/g)) {
      if (newer(version, needs[set])) needs[set] = version
    }
  }
  note(`Needs glibc ${needs.GLIBC} and GLIBCXX ${needs.GLIBCXX}`)
  for (const [set, version] of Object.entries(needs)) {
    if (release && newer(version, oldest[set])) {
      throw new SetupError(`This build needs ${set} ${version}; MLX needs ${oldest[set]}. Build on an older system.`)
    }
  }
}

function readelf(args) {
  // In English: the output is parsed.
  return execFileSync('readelf', ['--wide', ...args], { encoding: 'utf8', env: { ...process.env, LC_ALL: 'C' } })
}

function newer(a, b) {
  return a.localeCompare(b, 'en', { numeric: true }) > 0
}

/** In a workflow, the repository that it runs in: npm compares it with the provenance. */
function repository() {
  const { GITHUB_REPOSITORY: name, GITHUB_SERVER_URL: server } = process.env
  if (manifest.repository || !name || !server) return {}
  return { repository: { type: 'git', url: `git+${server}/${name}.git` } }
}

function packageName(name) {
  return `${manifest.name}-${name}`
}

function write(folder, contents) {
  writeFileSync(join(folder, 'package.json'), `${JSON.stringify(contents, null, 2)}\n`)
}

function npmPack(folder, out) {
  return JSON.parse(npm(['pack', '--json', '--ignore-scripts', '--pack-destination', out], folder))[0]
}

function npm(args, cwd) {
  return execFileSync('npm', args, { cwd, encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'], maxBuffer: 64 << 20 })
}

/** -> the archive's path */
function report({ filename, size, unpackedSize, files }, out) {
  const mb = (bytes) => `${(bytes / 1e6).toFixed(1)} MB`
  note(`${join(out, filename)}: ${mb(size)}, ${mb(unpackedSize)} unpacked, ${files.length} files`)
  return join(out, filename)
}
