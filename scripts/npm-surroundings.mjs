// What npm changes for the script that it runs: the folder and the environment. tether starts Claude Code in them.
import { existsSync } from 'node:fs'
import { delimiter, dirname, join } from 'node:path'
import { root } from './setup.mjs'

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
  for (const name of Object.keys(env)) {
    if (/^npm_(package|lifecycle)_/.test(name) || ofNpm.includes(name)) delete env[name]
  }
  env.PATH = withoutBins(env.PATH ?? '')
}

const ofNpm = ['INIT_CWD', 'npm_command', 'npm_config_prefix', 'npm_config_local_prefix', 'npm_config_global_prefix']

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
