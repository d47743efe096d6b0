/** Fetching MLX where pip fails: the message names the cause, and no file is left behind. */
import { spawn } from 'node:child_process'
import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { collectOutput } from '../support/cli-output.js'
import { type FakeClone, makeFakeClone } from '../support/fake-clone.js'
import { openTerminal } from '../support/terminal.js'

let clone: FakeClone
let cache: string
beforeEach(() => {
  clone = makeFakeClone()
  clone.program('claude', 'exit 0')
  cache = join(clone.home, 'cache')
})
afterEach(() => clone.remove())

const fetching = () => ({ ...clone.env, MLX_DIR: '', TETHER_CACHE_DIR: cache })

/** python3 that prints this when it downloads. */
function pip(errors: string): void {
  clone.program('python3', `case "$*" in *download*) printf '%s\\n' '${errors}' >&2; exit 1 ;; esac`)
}

async function start() {
  const child = spawn(process.execPath, [join(clone.folder, 'scripts/start.mjs')], {
    cwd: clone.project,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: fetching(),
  })
  return collectOutput(child).ended
}

describe('npm start that cannot fetch MLX', () => {
  test.each([
    [
      'there is no network',
      'WARNING: Retrying: NewConnectionError: Failed to establish a new connection: [Errno -3] Temporary failure in name resolution\nERROR: No matching distribution found for mlx-cpu',
      'cannot be reached: check your internet connection',
    ],
    [
      'the disk is full',
      'ERROR: Could not install packages due to an OSError: [Errno 28] No space left on device',
      'or set TETHER_CACHE_DIR to another folder.',
    ],
    [
      'a proxy replaces the certificate',
      'SSLError(SSLCertVerificationError(1, [SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed))',
      'name its CA file in PIP_CERT',
    ],
  ])('says so where %s', async (_, errors, expected) => {
    pip(errors)
    const { code, stderr } = await start()
    expect(code).toBe(1)
    expect(stderr).toContain(expected)
    expect(stderr).not.toContain('Check the network and your pip settings')
    expect(stderr).not.toContain('    at ')
    expect(readdirSync(join(cache, 'mlx'))).toEqual([])
  })

  test('removes what was downloaded when it is stopped', async () => {
    clone.program('python3', `case "$*" in *download*) echo half > "$TMPDIR/half.whl"; sleep 60 ;; esac`)
    const terminal = openTerminal(process.execPath, [join(clone.folder, 'scripts/start.mjs')], {
      cwd: clone.project,
      env: fetching(),
    })
    await terminal.shows(/ {2}0 of \d+ MB, 0:0\d/)
    terminal.type('\u0003')
    expect(await terminal.ended).toBe(130)
    expect(existsSync(join(cache, 'mlx'))).toBe(true)
    expect(readdirSync(join(cache, 'mlx'))).toEqual([])
  })
})
