// What npm changes for the script that it runs: the folder and the environment. tether starts Claude Code in them.
import { existsSync } from 'node:fs'
import { delimiter, dirname, join, relative, resolve } from 'node:path'
import { root } from './setup.mjs'
import { quoted } from './terminal-lines.mjs'

/**
 * Goes back to the folder where the user typed `npm start`, and removes npm's variables: with them an npm that Claude
 * Code runs in the user's project would work on tether's clone.
 */
export function leaveNpm(env = process.env) {
  const folder = env.INIT_CWD
  if (folder && existsSync(folder)) {
    process.chdir(folder)
    env.PWD = folder
  }
  const prefix = env.npm_config_prefix
  if (prefix && resolve(prefix, '.') === resolve(root)) delete env.npm_config_prefix
  for (const [name, value] of Object.entries(env)) {
    if (ofNpm.test(name) || (name.startsWith('npm_config_') && value === '')) delete env[name]
  }
  env.PATH = withoutBins(env.PATH ?? '')
}

/** What npm sets for every script. The user's own settings, such as npm_config_registry, stay. */
const ofNpm =
  /^(INIT_CWD|npm_(package_.*|lifecycle_.*|command|execpath|node_execpath)|npm_config_(local_prefix|global_prefix|globalconfig|user_agent|init_module|node_gyp|npm_version))$/

/** npm puts the programs of the clone's packages, and of the folders above it, first on PATH. */
function withoutBins(path) {
  const bins = new Set()
  for (let folder = join(root, '.'); ; folder = dirname(folder)) {
    bins.add(join(folder, 'node_modules', '.bin'))
    if (folder === dirname(folder)) break
  }
  const added = (entry) => bins.has(entry) || entry.endsWith('node-gyp-bin')
  return path
    .split(delimiter)
    .filter((entry) => !added(entry))
    .join(delimiter)
}

/** Flags without a value first: what follows the others in `args` is then their value. */
const flags = ['serve_only', 'list', 'max_context', 'memory_cap', 'models_dir', 'model', 'port', 'host', 'claude_path']

/**
 * npm keeps flags before -- to itself: of `npm start --model x` only x arrives. -> what to type instead, or undefined.
 * Has to be called before leaveNpm.
 */
export function flagsThatNpmTook(args, env = process.env) {
  const taken = flags.filter((flag) => env[`npm_config_${flag}`] !== undefined)
  if (taken.length === 0) return undefined
  const words = taken.flatMap((flag) => {
    const value = env[`npm_config_${flag}`]
    return [`--${flag.replace('_', '-')}`, ...(value === 'true' ? [] : [value])]
  })
  const isInClone = !relative(root, env.INIT_CWD ?? root).startsWith('..')
  const start = isInClone ? 'npm start' : `npm --prefix ${quoted(root)} start`
  return `npm takes flags for its own unless they follow --. Type:\n\n  ${start} -- ${[...words, ...args].map(quoted).join(' ')}\n`
}

/**
 * npm prints a banner before what the script prints, and that spoils what a shell or a program reads. -> how to do
 * without it, or undefined. Has to be called before leaveNpm.
 */
export function aboutBanner(args, env = process.env) {
  const own = args.includes('--') ? args.slice(0, args.indexOf('--')) : args
  const isRead = ['env', 'completion'].includes(own[0]) || own.includes('--json')
  if (!isRead || !env.npm_lifecycle_event || env.npm_config_loglevel === 'silent') return undefined
  const words = ['node', join(root, 'bin', 'tether.mjs'), ...args]
  return `npm prints a banner before the output. Without it:\n\n  ${words.map(quoted).join(' ')}\n`
}
