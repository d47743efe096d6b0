/** Finds the program that listens on a port, as far as this user may see it. */
import { execFile } from 'node:child_process'
import { readdir, readFile, readlink } from 'node:fs/promises'
import { promisify } from 'node:util'
import { knownServers } from './running-servers.js'

export interface PortOwner {
  pid: number
  name: string
  /** The model that it serves, if it is another tether. */
  tether?: string
}

export async function portOwner(port: number): Promise<PortOwner | undefined> {
  const owner = await listener(port)
  const server = knownServers().find(
    ({ url, pid }) => new URL(url).port === String(port) && (owner?.pid ?? pid) === pid,
  )
  return server ? { pid: server.pid, name: 'tether', tether: server.model } : owner
}

async function listener(port: number): Promise<PortOwner | undefined> {
  if (process.platform === 'linux') return fromProc(port)
  if (process.platform === 'darwin') return fromLsof(port)
  return undefined
}

async function fromProc(port: number): Promise<PortOwner | undefined> {
  const tables = await Promise.all(
    ['/proc/net/tcp', '/proc/net/tcp6'].map((file) => readFile(file, 'utf8').catch(nothing)),
  )
  const sockets = new Set(tables.flatMap((table) => listening(table, port)).map((inode) => `socket:[${inode}]`))
  if (sockets.size === 0) return undefined
  for (const pid of (await readdir('/proc')).filter((name) => /^\d+$/.test(name))) {
    // The files of other users' processes cannot be read: those programs stay unknown.
    const files = await readdir(`/proc/${pid}/fd`).catch(() => [])
    for (const file of files) {
      if (!sockets.has(await readlink(`/proc/${pid}/fd/${file}`).catch(nothing))) continue
      return { pid: Number(pid), name: (await readFile(`/proc/${pid}/comm`, 'utf8').catch(() => 'a program')).trim() }
    }
  }
  return undefined
}

/** Inodes of the sockets of one of /proc/net's tables that listen (state 0A) on a port. */
function listening(table: string, port: number): string[] {
  return table.split('\n').flatMap((line) => {
    const [, local, , state, , , , , , inode] = line.trim().split(/\s+/)
    const ours = state === '0A' && Number.parseInt(local?.split(':')[1] ?? '', 16) === port
    return ours && inode ? [inode] : []
  })
}

async function fromLsof(port: number): Promise<PortOwner | undefined> {
  const args = ['-nP', `-iTCP:${port}`, '-sTCP:LISTEN', '-Fpc']
  const { stdout } = await promisify(execFile)('lsof', args, { timeout: 3000 }).catch(() => ({ stdout: '' }))
  const pid = /^p(\d+)$/m.exec(stdout)?.[1]
  return pid ? { pid: Number(pid), name: /^c(.+)$/m.exec(stdout)?.[1] ?? 'a program' } : undefined
}

function nothing(): string {
  return ''
}
