/** Whether a `claude` that was found really runs, and which version it is. */
import { spawn } from 'node:child_process'
import { closeSync, openSync, readSync } from 'node:fs'

/** There is no Claude Code to be started. The message says why; what a shell says of that is status 127. */
export class CannotRun extends Error {
  override readonly name = 'CannotRun'
}

/** The oldest that is known to work with tether. */
export const oldestVersion = '2.1.197'

/** How long `claude --version` may take. A program that says nothing until then is taken as it is. */
const patienceMs = 5000

/**
 * Asks for the version, without a terminal. -> such as 2.1.330; undefined if the answer is none, which is no failure.
 * Rejects with CannotRun if the program cannot be started at all.
 */
export function claudeVersion(program: string): Promise<string | undefined> {
  return new Promise((resolve, reject) => {
    // A group of its own, so that what it starts can be ended with it.
    const child = spawn(program, ['--version'], { stdio: ['ignore', 'pipe', 'ignore'], detached: true })
    const timer = setTimeout(() => {
      if (child.pid !== undefined) killGroup(child.pid)
      child.stdout.destroy()
      resolve(undefined)
    }, patienceMs)
    let said = ''
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      said = (said + text).slice(0, 1000)
    })
    child.on('error', (error: NodeJS.ErrnoException) => {
      clearTimeout(timer)
      reject(new CannotRun(`${program} cannot be run: ${whyNot(error)}`))
    })
    child.on('exit', (code) => {
      if (isForeign(program, code)) reject(new CannotRun(`${program} cannot be run: it is made for another machine`))
      if (code === 126 || code === 127) reject(new CannotRun(`${program} cannot be run: what it starts is not there`))
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

/** What to say about this version; undefined if there is nothing to say. */
export function versionWarning(version: string | undefined): string | undefined {
  if (version === undefined || !isOlder(version, oldestVersion)) return undefined
  return `Claude Code ${version} is older than ${oldestVersion}, the oldest that is known to work; to update it: claude update`
}

function isOlder(one: string, other: string): boolean {
  const [mine, theirs] = [one, other].map((version) => version.split('.').map(Number)) as [number[], number[]]
  const at = mine.findIndex((part, i) => part !== theirs[i])
  return at >= 0 && (mine[at] as number) < (theirs[at] ?? 0)
}

function whyNot({ code, message }: NodeJS.ErrnoException): string {
  if (code === 'ENOENT') return 'the program that its first line names is not there'
  if (code === 'EACCES') return 'it is not executable (chmod +x)'
  if (code === 'ENOEXEC' || /bad cpu type|errno -?86/i.test(message)) return 'it is made for another machine'
  return message
}

/**
 * Many systems hand a binary that they do not know to the shell, which fails at it in its own words. So a binary that
 * failed is looked at: is it in the format, and for the processor, of this machine?
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

/** Fewer if the file is shorter; none if it may be run but not read. */
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
    // It is not for us to say then.
    return Buffer.alloc(0)
  }
}
