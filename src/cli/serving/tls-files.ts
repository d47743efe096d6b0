/** The certificate of an https server: read from its files, and read again when a SIGHUP says that they are new. */
import { closeSync, openSync, readFileSync } from 'node:fs'
import { TetherError } from '../../errors.js'
import type { Server, TlsOptions } from '../../index.js'

export interface TlsFiles {
  /** Paths of PEM files. */
  cert: string
  key: string
}

/** undefined: the server speaks plain HTTP. Throws `bad_config` for one file without the other, and with Claude Code. */
export function tlsFiles(
  { tlsCert: cert, tlsKey: key }: { tlsCert?: string; tlsKey?: string },
  launching: boolean,
): TlsFiles | undefined {
  if (cert === undefined && key === undefined) return undefined
  if (cert === undefined || key === undefined) {
    throw new TetherError('bad_config', '--tls-cert and --tls-key belong together: one is missing')
  }
  if (!launching) return { cert, key }
  throw new TetherError('bad_config', 'Claude Code would not trust the certificate: use --tls-cert with --serve-only')
}

export function readTls({ cert, key }: TlsFiles): TlsOptions {
  return { cert: read('certificate', cert), key: read('key', key) }
}

function read(what: string, path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch (cause) {
    throw new TetherError('bad_config', `the TLS ${what} ${path} cannot be read: ${(cause as Error).message}`, {
      cause,
    })
  }
}

/**
 * Reads the files again at each SIGHUP; what is wrong with them is said, and the old ones stay. -> stops watching.
 * A terminal that closes sends SIGHUP too: then `closed` is called.
 */
export function reloadOnHangup(
  server: Pick<Server, 'setTls'>,
  files: TlsFiles,
  { say, closed }: { say: (line: string) => void; closed: () => void },
): () => void {
  const onHangup = () => {
    if (isTerminalGone()) return closed()
    try {
      server.setTls(readTls(files))
      say(`read the TLS certificate ${files.cert} again`)
    } catch (error) {
      say(`still using the TLS certificate from before: ${(error as Error).message}`)
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
