/** The output of a child process, and how it ends. */
import type { ChildProcessByStdio } from 'node:child_process'
import type { Readable, Writable } from 'node:stream'

export interface Ended {
  code: number | null
  signal: NodeJS.Signals | null
  stdout: string
  stderr: string
}

export interface Output {
  /** So far. */
  stdout: () => string
  stderr: () => string
  ended: Promise<Ended>
}

export function collectOutput(child: ChildProcessByStdio<Writable | null, Readable, Readable>): Output {
  let stdout = ''
  let stderr = ''
  child.stdout.on('data', (data) => {
    stdout += data
  })
  child.stderr.on('data', (data) => {
    stderr += data
  })
  const ended = new Promise<Ended>((resolve) => {
    child.on('close', (code, signal) => resolve({ code, signal, stdout, stderr }))
  })
  return { stdout: () => stdout, stderr: () => stderr, ended }
}
