/** The folder of kept prefixes: where it is, and which of its files are tether's. */
import { homedir } from 'node:os'
import { join } from 'node:path'

/** The version of all files. Those of a later one are left alone. */
export const FORMAT = 1

/** Where the command keeps them: ~/.tether/cache/prefixes. Below it, a folder for each fingerprint. */
export function prefixFolder(): string {
  return join(homedir(), '.tether', 'cache', 'prefixes')
}

/** What identifies weights, adapters and the form of keys and values: the name of a model's folder. */
export function isFingerprint(name: string): boolean {
  return /^[0-9a-f]{32}$/.test(name)
}

/** Which model a folder belongs to. */
export const aboutFile = 'about.json'
/** Tokens of turns that the model generated. */
export const turnFile = 'turns.bin'

/** Prompts that sessions began with, by the hash of the folder that they worked in. */
export function firstPromptFile(hash: string): string {
  return `first-${hash}.bin`
}

export type OwnFile =
  | { kind: 'record'; of: 'full' | 'sliding' }
  | { kind: 'about' | 'turns' | 'first' }
  | { kind: 'temporary'; pid: number }

/** What a file in a model's folder is, by its name; undefined: not tether's. */
export function ownFile(name: string): OwnFile | undefined {
  const record = /^[0-9a-f]{32}\.(full|sliding)$/.exec(name)
  if (record) return { kind: 'record', of: record[1] as 'full' | 'sliding' }
  if (name === aboutFile) return { kind: 'about' }
  if (name === turnFile) return { kind: 'turns' }
  if (/^first-[0-9a-f]{32}\.bin$/.test(name)) return { kind: 'first' }
  const ownPart = /^(?:about\.json|turns\.bin|first-[0-9a-f]{32}\.bin)\.(\d+)\.part$/
  const temporary = /^\.tmp-(\d+)-[\w-]+$/.exec(name) ?? ownPart.exec(name)
  return temporary ? { kind: 'temporary', pid: Number(temporary[1]) } : undefined
}
