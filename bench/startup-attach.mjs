// A second terminal on a server that runs: how long until Claude Code is started, and the memory of all but Claude Code.
import { execFileSync, spawn } from 'node:child_process'
import { chmodSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { cpuOf } from './startup-programs.mjs'

/**
 * Starts the server, which has to be stopped. `where`: environment and working directory; `demo`: flags of the model.
 * -> { run, stop }
 */
export function attachBench({ tether, demo, folder, where }) {
  const flags = ['--model', demo]
  execFileSync(process.execPath, [tether, 'serve', '--detach', '--port', '0', ...flags], { ...where, stdio: 'ignore' })
  const claude = claudeThatSaysWhen(folder)
  return {
    run: () => attach([tether, ...flags, '--claude-path', claude], where),
    stop: () => execFileSync(process.execPath, [tether, 'stop', '--all'], { ...where, stdio: 'ignore' }),
  }
}

/** In the place of Claude Code: it prints that it was started, and the processes that belong to tether. */
function claudeThatSaysWhen(folder) {
  const path = join(folder, 'claude')
  const version = '[ "$1" = --version ] && { echo 2.1.330; exit; }'
  writeFileSync(path, `#!/bin/sh\n${version}\necho "started by $PPID as $$"\nexec sleep 60\n`)
  chmodSync(path, 0o755)
  return path
}

/** -> { ms, cpuMs, pssMb } */
async function attach(args, { env, cwd }) {
  const started = performance.now()
  const child = spawn(process.execPath, args, { env, cwd, stdio: ['ignore', 'pipe', 'pipe'] })
  const exited = new Promise((resolve) => child.once('close', resolve))
  let heard = ''
  child.stderr.on('data', (data) => {
    heard += data
  })
  const said = new Promise((resolve) => {
    child.stdout.on('data', (data) => {
      const ms = performance.now() - started
      heard += data
      const [, tether, claude] = /started by (\d+) as (\d+)/.exec(heard) ?? []
      if (tether) resolve({ ms, cpuMs: cpuOf(tether), tether: Number(tether), claude: Number(claude) })
    })
  })
  try {
    const result = await Promise.race([said, exited])
    if (result?.ms === undefined) throw new Error(`Claude Code was not started: ${heard}`)
    return { ms: result.ms, cpuMs: result.cpuMs, pssMb: memoryOf(result) }
  } finally {
    child.kill('SIGTERM')
    await exited
  }
}

/** Proportional memory of tether and what it started, without Claude Code. NaN where there is no /proc. */
function memoryOf({ tether, claude }) {
  try {
    const children = readFileSync(`/proc/${tether}/task/${tether}/children`, 'utf8').trim().split(' ').map(Number)
    const pids = [tether, ...children.filter((pid) => pid !== claude)]
    const kilobytes = pids.map((pid) =>
      Number(/^Pss:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8'))[1]),
    )
    return kilobytes.reduce((sum, each) => sum + each, 0) / 1000
  } catch {
    return Number.NaN
  }
}
