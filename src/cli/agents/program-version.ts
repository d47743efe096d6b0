/** Checks that an agent's program runs, and finds out its version. */
import { spawn } from 'node:child_process'
import { closeSync, openSync, readSync } from 'node:fs'

/** An agent cannot be started. The message says why; the exit status is 127, as in a shell. */
export class CannotRun extends Error {
  override readonly name = 'CannotRun'
}

/** How long `--version` may take. A program that takes longer is used without knowing its version. */
const versionTimeoutMs = 5000

/**
 * Runs `PROGRAM --version` without a terminal. -> such as 2.1.330; undefined if it prints none.
 * Rejects with CannotRun if the program cannot be started.
 */
export function programVersion(program: string): Promise<string | undefined> {
  return new Promise((resolve, reject) => {
    // In its own process group, so that its children can be killed with it.
    const child = spawn(program, ['--version'], { stdio: ['ignore', 'pipe', 'ignore'], detached: true })
    const timer = setTimeout(() => {
      if (child.pid !== undefined) killGroup(child.pid)
      child.stdout.destroy()
      resolve(undefined)
    }, versionTimeoutMs)
    let said = ''
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      said = (said + text).slice(0, 1000)
    })
    child.on('error', (error: NodeJS.ErrnoException) => {
      clearTimeout(timer)
      reject(new CannotRun(`${program} cannot be run: ${whyNot(error)}`))
    })
    child.on('exit', (code) => {
      if (isForeign(program, code)) reject(new CannotRun(`${program} cannot be run: it is built for another machine`))
      if (code === 126 || code === 127)
        reject(new CannotRun(`${program} cannot be run: a program that it starts does not exist`))
    })
    child.on('close', () => {
      clearTimeout(timer)
      resolve(/\d+\.\d+\.\d+/.exec(said)?.[0])
    })
  })
}

function killGroup(leader: number): void {
  try {
    process.kill(-leader, 'SIGKILL')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
  }
}

function whyNot({ code, message }: NodeJS.ErrnoException): string {
  if (code === 'ENOENT') return 'the program named in its first line does not exist'
  if (code === 'EACCES') return 'it is not executable (chmod +x)'
  if (code === 'ENOEXEC' || /bad cpu type|errno -?86/i.test(message)) return 'it is built for another machine'
  return message
}

/**
 * Many systems pass a binary of an unknown format to the shell, which fails with a misleading message. So the header of
 * a program that failed is checked: are its format and its processor those of this machine?
 */
function isForeign(program: string, code: number | null): boolean {
  if (code === 0 || code === null) return false
  const head = firstBytes(program, 20)
  if (head.length < 20) return false
  const magic = head.readUInt32BE(0)
  const isElf = magic === 0x7f454c46
  const isMach = [0xcffaedfe, 0xcefaedfe, 0xfeedfacf, 0xfeedface, 0xcafebabe].includes(magic)
  const isWindows = head.toString('latin1', 0, 2) === 'MZ'
  if (process.platform === 'darwin') return isElf || isWindows
  if (!isElf) return isMach || isWindows
  const machine = head[5] === 2 ? head.readUInt16BE(18) : head.readUInt16LE(18)
  const own = { x64: 0x3e, arm64: 0xb7 }[process.arch as string]
  return own !== undefined && machine !== own
}

/** Fewer if the file is shorter; none if it cannot be read. */
function firstBytes(file: string, count: number): Buffer {
  const bytes = Buffer.alloc(count)
  try {
    const descriptor = openSync(file, 'r')
    try {
      return bytes.subarray(0, readSync(descriptor, bytes, 0, count, 0))
    } finally {
      closeSync(descriptor)
    }
  } catch {
    // A program may be executable but not readable.
    return Buffer.alloc(0)
  }
}
