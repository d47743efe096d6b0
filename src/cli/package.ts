/** Paths in tether's own package, and its version. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** The package's folder: this file is dist/cli/package.js in it. */
export const packageRoot = fileURLToPath(new URL('../..', import.meta.url))

export const packageName = '@tether/mlx'

export const statusLineProgram = join(packageRoot, 'bin', 'status-line.mjs')

export function version(): string {
  const { version } = JSON.parse(readFileSync(join(packageRoot, 'package.json'), 'utf8')) as { version: string }
  return version
}
