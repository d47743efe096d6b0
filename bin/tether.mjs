#!/usr/bin/env node
// The command `tether`. Builds what is missing first: in a clone, or where npm ran no install script.
import { existsSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))
const require = createRequire(import.meta.url)

process.exitCode = (await ready()) ? await start() : 1

async function start() {
  const { main } = await import('../dist/cli/main.js')
  const code = await main(process.argv.slice(2))
  // Everything is closed by now; a leftover such as a keep-alive timer must not delay the exit.
  process.exit(code)
}

/** Builds what is missing. --help and --version build nothing if they can be answered. */
async function ready() {
  if (isBuilt()) return true
  const { setup, SetupError } = await import('../scripts/setup.mjs')
  try {
    await setup()
    return true
  } catch (error) {
    console.error(`tether: ${error.message}`)
    if (!(error instanceof SetupError) && error.name !== 'FetchError')
      console.error(`node ${join(root, 'scripts', 'build.mjs')} shows more.`)
    return false
  }
}

function isBuilt() {
  if (!existsSync(`${root}dist/cli/main.js`)) return false
  const onlyAsks = process.argv.slice(2).some((arg) => ['--help', '-h', '--version', '-v'].includes(arg))
  return onlyAsks || existsSync(`${root}build/Release/tether.node`) || hasPlatformPackage()
}

function hasPlatformPackage() {
  try {
    require.resolve(`@tether/mlx-${process.platform}-${process.arch}/package.json`)
    return true
  } catch {
    return false
  }
}
