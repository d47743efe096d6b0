// Installs the packages of a clone with npm, which says nothing for a minute where it cannot reach its registry.
import { spawn } from 'node:child_process'
import { clock } from './build-progress.mjs'
import { endWithUs } from './interrupts.mjs'
import { note, showProgress } from './terminal-lines.mjs'

// npm's own pauses before it tries again, 10 s and a minute, look like a standstill where there is no network.
const pauses = ['--fetch-retry-mintimeout=1000', '--fetch-retry-maxtimeout=10000']

/** `say` gets what there is to know while it runs; what npm prints goes to stderr. -> its exit status. Throws where there is no npm. */
export function runNpmCi(folder, say) {
  const args = ['ci', '--no-audit', '--no-fund', '--no-progress', '--loglevel=http', ...pauses]
  const child = spawn('npm', args, { cwd: folder, stdio: ['ignore', 'pipe', 'pipe'] })
  endWithUs(child)
  const started = performance.now()
  let fetched = 0
  let isLate = false
  const line = showProgress(() => `  ${fetched} fetched, ${clock(performance.now() - started)}`)
  const read = (text) => {
    const [, reason] = /^npm http fetch .* attempt \d+ failed with (\S+)/.exec(text) ?? []
    if (reason === undefined && !text.startsWith('npm http ')) return note(text)
    if (reason === undefined) fetched += 1
    else if (!isLate) {
      isLate = true
      say(`npm cannot reach its registry (${reason}): it tries again, for a minute or two`)
    }
  }
  for (const stream of [child.stdout, child.stderr]) byLine(stream, read)
  return new Promise((resolve, reject) => {
    child.once('error', reject)
    child.once('close', (code) => resolve(code ?? 1))
  }).finally(line.end)
}

function byLine(stream, read) {
  let rest = ''
  stream.setEncoding('utf8')
  stream.on('data', (data) => {
    const lines = (rest + data).split('\n')
    rest = lines.pop()
    for (const text of lines) read(text)
  })
  stream.on('end', () => rest && read(rest))
}
