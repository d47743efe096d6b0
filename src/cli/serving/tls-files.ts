/** The certificate of an https server: read from its files, and read again when a SIGHUP says that they are new. */
import { X509Certificate } from 'node:crypto'
import { closeSync, openSync, readFileSync } from 'node:fs'
import { isIP } from 'node:net'
import { resolve } from 'node:path'
import { TetherError } from '../../errors.js'
import type { Server, TlsOptions } from '../../index.js'
import { oneLine, reasonOf } from '../../one-line.js'

export interface TlsFiles {
  /** Paths of PEM files. */
  cert: string
  key: string
}

/** undefined: the server speaks plain HTTP. Throws `bad_config` for one file without the other. */
export function tlsFiles({ tlsCert: cert, tlsKey: key }: { tlsCert?: string; tlsKey?: string }): TlsFiles | undefined {
  if (cert === undefined && key === undefined) return undefined
  if (cert === undefined || key === undefined) {
    throw new TetherError('bad_config', '--tls-cert and --tls-key belong together: one is missing')
  }
  return { cert: resolve(cert), key: resolve(key) }
}

/**
 * The address of a server, by a name that its certificate has: clients on this machine refuse every other one. Throws
 * `bad_config` where the certificate has neither the address nor localhost.
 */
export function certifiedUrl(url: string, { cert }: TlsFiles): string {
  const at = new URL(url)
  const host = at.hostname.replace(/^\[|\]$/g, '')
  const certificate = parsed(cert)
  const names = [host, 'localhost'].find((name) => isNamed(certificate, name))
  if (names === host) return url
  if (names === 'localhost' && isOfThisMachine(host)) return `https://localhost:${at.port}`
  throw new TetherError(
    'bad_config',
    `the TLS certificate ${cert} is not for ${host}, so Claude Code would refuse it: use one that names ${host}, or --serve-only`,
  )
}

function parsed(path: string): X509Certificate {
  try {
    return new X509Certificate(read('certificate', path))
  } catch (cause) {
    if (cause instanceof TetherError) throw cause
    const why = (cause as Error).message
    throw new TetherError('bad_config', `the TLS certificate ${path} cannot be used: ${why}`, { cause })
  }
}

function isNamed(certificate: X509Certificate, host: string): boolean {
  return (isIP(host) ? certificate.checkIP(host) : certificate.checkHost(host)) !== undefined
}

function isOfThisMachine(host: string): boolean {
  return /^127\.|^::1$|^0\.0\.0\.0$|^::$/.test(host)
}

/** What Node's programs and Claude Code are to trust besides the system: this certificate, and what they trusted already. */
export function trusted({ cert }: TlsFiles, others: string | undefined): string {
  const ours = read('certificate', cert)
  if (!others) return ours
  try {
    // Ours first: of two certificates of one name, the first is found.
    return `${ours.trimEnd()}\n${readFileSync(others, 'utf8')}`
  } catch {
    // A file that is not there is no reason for Node to fail either.
    return ours
  }
}

export function readTls({ cert, key }: TlsFiles): TlsOptions {
  return { cert: read('certificate', cert), key: read('key', key) }
}

function read(what: string, path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch (cause) {
    throw new TetherError('bad_config', `the TLS ${what} ${oneLine(path)} cannot be read: ${reasonOf(cause)}`, {
      cause,
    })
  }
}

/**
 * Reads the files again at each SIGHUP; what is wrong with them is said, and the old ones stay. -> stops watching.
 * A terminal that closes sends SIGHUP too: then `closed` is called. `changed`: once the new ones are used.
 */
export function reloadOnHangup(
  server: Pick<Server, 'setTls'>,
  files: TlsFiles,
  { say, closed, changed }: { say: (line: string) => void; closed: () => void; changed?: () => void },
): () => void {
  const onHangup = () => {
    if (isTerminalGone()) return closed()
    try {
      server.setTls(readTls(files))
      changed?.()
      say(`read the TLS certificate ${oneLine(files.cert)} again`)
    } catch (error) {
      say(`still using the TLS certificate from before: ${reasonOf(error)}`)
    }
  }
  process.on('SIGHUP', onHangup)
  return () => process.off('SIGHUP', onHangup)
}

/** A program that was started without a terminal has none to lose. */
function isTerminalGone(): boolean {
  if (![process.stdin, process.stdout, process.stderr].some(({ isTTY }) => isTTY)) return false
  try {
    closeSync(openSync('/dev/tty', 'r'))
    return false
  } catch {
    return true
  }
}
