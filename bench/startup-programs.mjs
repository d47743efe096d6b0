// Starts programs and times them: until they exit, or until they have printed a text.
import { spawn, spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { spawn as openPty } from '@lydell/node-pty'

const patienceMs = 30_000

/** -> { ms, cpuMs }, both of the whole run. bash measures both to the millisecond. */
export function untilExit(args, { env, cwd }) {
  const script = `exec 3>&2; TIMEFORMAT='%R %U %S'; { time "$@" >/dev/null 2>&3; } 2>&1`
  const { stdout, status, stderr } = spawnSync('bash', ['-c', script, 'bash', process.execPath, ...args], {
    env,
    cwd,
    encoding: 'utf8',
  })
  if (status !== 0) throw new Error(`${args.join(' ')} ended with ${status}: ${stderr}`)
  const [wall, user, system] = stdout.trim().split(' ').map(Number)
  return { ms: wall * 1000, cpuMs: (user + system) * 1000 }
}

/** -> { ms, cpuMs } until the output has `text`; then the program is ended. */
export function untilPrinted(args, text, { env, cwd }) {
  const started = performance.now()
  const child = spawn(process.execPath, args, { env, cwd, stdio: ['ignore', 'pipe', 'pipe'] })
  const exited = new Promise((resolve) => child.once('close', resolve))
  const listen = (heard) => {
    child.stdout.on('data', heard)
    child.stderr.on('data', heard)
  }
  const end = (signal) => child.kill(signal)
  return firstOf({ args, text, started, pid: child.pid, listen, exited, end })
}

/** The same in a terminal of 100 columns and 30 rows. */
export function untilShown([program, ...args], text, { env, cwd }) {
  const started = performance.now()
  const pty = openPty(program, args, { cwd, env: { ...env, TERM: 'xterm-256color' }, cols: 100, rows: 30 })
  const exited = new Promise((resolve) => pty.onExit(resolve))
  const listen = (heard) => pty.onData(heard)
  const end = (signal) => pty.kill(signal)
  return firstOf({ args: [program, ...args], text, started, pid: pty.pid, listen, exited, end })
}

async function firstOf({ args, text, started, pid, listen, exited, end }) {
  let heard = ''
  let late
  const found = new Promise((resolve) => {
    listen((data) => {
      heard += data
      if (heard.includes(text)) resolve({ ms: performance.now() - started, cpuMs: cpuOf(pid) })
    })
  })
  const tooLate = new Promise((resolve) => {
    late = setTimeout(resolve, patienceMs)
  })
  try {
    const measured = await Promise.race([found, exited, tooLate])
    if (measured?.ms === undefined) throw new Error(`${args.join(' ')} did not print ${JSON.stringify(text)}: ${heard}`)
    return measured
  } finally {
    clearTimeout(late)
    end('SIGTERM')
    const stubborn = setTimeout(() => end('SIGKILL'), 3000)
    await exited
    clearTimeout(stubborn)
  }
}

/** User and system time of all threads so far, to 10 ms. undefined where there is no /proc. */
export function cpuOf(pid) {
  try {
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(-1).split(' ')
    return (Number(fields[11]) + Number(fields[12])) * 10
  } catch {
    return undefined
  }
}
