/** The keys of a run: from the setting, from a file or from standard input, or made for it. */
import { randomBytes } from 'node:crypto'
import { closeSync, fstatSync, openSync, readSync } from 'node:fs'
import { TetherError } from '../../errors.js'
import { isLoopback } from '../../server/edge.js'
import { shortPath } from '../terminal/short-path.js'

export interface KeySettings {
  host: string
  apiKey?: string
  apiKeyFile?: string
  insecureNoKey: boolean
}

/** A file of keys is a few lines. */
const mostBytes = 65_536

/**
 * Keys by their names, the one for tether's own clients first; empty: none is needed. Other machines always need one, but
 * with `insecureNoKey`. With Claude Code (`launching`) a key costs nothing and keeps other local programs out.
 * Throws `bad_config`.
 */
export async function apiKeys(settings: KeySettings, launching: boolean): Promise<Record<string, string>> {
  const { host, apiKey, apiKeyFile, insecureNoKey } = settings
  const keys = {
    ...(apiKey === undefined ? {} : { default: apiKey }),
    ...(apiKeyFile === undefined ? {} : await readKeyFile(apiKeyFile)),
  }
  if (Object.keys(keys).length > 0) return keys
  const needsKey = launching || (!isLoopback(host) && !insecureNoKey)
  return needsKey ? { default: randomBytes(24).toString('base64url') } : {}
}

/** A key a line, with a name before it if it has one; # begins a comment. `-`: standard input. */
async function readKeyFile(path: string): Promise<Record<string, string>> {
  const name = path === '-' ? 'standard input' : shortPath(path)
  const fail = (what: string, cause?: unknown) =>
    new TetherError('bad_config', `the API keys in ${name} cannot be used: ${what}`, { cause })
  let text: string
  try {
    text = path === '-' ? await readInput() : readPrivate(path)
  } catch (error) {
    throw fail((error as Error).message, error)
  }
  const keys: Record<string, string> = {}
  for (const [i, line] of text.split(/\r?\n/).entries()) {
    const words = line.trim().split(/\s+/)
    if (words[0] === '' || words[0]?.startsWith('#')) continue
    const [key, label = `line ${i + 1}`] = words.toReversed()
    if (key === undefined || words.length > 2) throw fail(`line ${i + 1} has more than a name and a key`)
    if (!/^[\x21-\x7e]+$/.test(key)) throw fail(`the key of line ${i + 1} has other signs than ASCII`)
    if (Object.hasOwn(keys, label)) throw fail(`line ${i + 1}: there are two keys named ${label}`)
    keys[label] = key
  }
  if (Object.keys(keys).length === 0) throw fail('there is none')
  return keys
}

/** A pipe is as private as the command that writes it. */
function readPrivate(path: string): string {
  const file = openSync(path, 'r')
  try {
    const stat = fstatSync(file)
    if (!stat.isFile() && !stat.isFIFO()) throw new Error('it is not a file')
    if (stat.isFile() && (stat.mode & 0o077) !== 0) {
      throw new Error(`other users can read it. To keep it private:\n  chmod 600 ${path}`)
    }
    return readBounded(file)
  } finally {
    closeSync(file)
  }
}

async function readInput(): Promise<string> {
  let text = ''
  for await (const piece of process.stdin.setEncoding('utf8')) {
    text += piece
    if (text.length > mostBytes) throw new Error(`it has more than ${mostBytes} bytes`)
  }
  return text
}

function readBounded(file: number): string {
  const bytes = Buffer.alloc(mostBytes + 1)
  let length = 0
  for (;;) {
    const more = readSync(file, bytes, length, bytes.length - length, null)
    length += more
    if (length > mostBytes) throw new Error(`it has more than ${mostBytes} bytes`)
    if (more === 0) return bytes.toString('utf8', 0, length)
  }
}
