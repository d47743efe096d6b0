// What bin/tether.mjs starts. Builds what is missing first: in a clone, or where npm ran no install script.
import { existsSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { needsAddon } from '../scripts/needs-addon.mjs'

const root = fileURLToPath(new URL('..', import.meta.url))
const require = createRequire(import.meta.url)

const args = process.argv.slice(2)

/** The scripts of `tether completion` call this: it answers at once or not at all. */
const completes = args[0] === '__complete'

process.exitCode = (await ready()) || (await start())

async function start() {
  const { main } = await import('../dist/cli/main.js')
  const code = await main(args)
  // Everything is closed by now; a leftover such as a keep-alive timer must not delay the exit.
  process.exit(code)
}

/** Builds what is missing, and the addon only for a command that needs it. -> 0, or the exit status of a failure */
async function ready() {
  if (isBuilt()) return 0
  if (completes) return 1
  const { askForClaude, notFound } = await import('../scripts/check-claude.mjs')
  const { quoted } = await import('../scripts/terminal-lines.mjs')
  const claude = await askForClaude(args)
  if (claude !== 'present') {
    console.error(`To run only the server:\n\n  node ${quoted(join(root, 'bin', 'tether.mjs'))} --serve-only\n`)
    return notFound
  }
  const { setup, isInWords } = await import('../scripts/setup.mjs')
  try {
    await setup({ needsAddon: needsAddon(args) })
    return 0
  } catch (error) {
    console.error(`tether: ${error.message}`)
    if (!isInWords(error)) console.error(`To see more:\n\n  node ${join(root, 'scripts', 'build.mjs')}\n`)
    return 1
  }
}

function isBuilt() {
  if (!existsSync(`${root}dist/cli/main.js`)) return false
  return !needsAddon(args) || existsSync(`${root}build/Release/tether.node`) || hasPlatformPackage()
}

function hasPlatformPackage() {
  try {
    require.resolve(`@tether/mlx-${process.platform}-${process.arch}/package.json`)
    return true
  } catch {
    return false
  }
}
