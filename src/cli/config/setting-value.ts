/** Reads the value of one setting, as a flag or a file gives it, and says what it must be where it is wrong. */
import { resolve } from 'node:path'
import { expandHome } from '../../models/expand-home.js'
import { isPathOfModel } from '../../models/path-or-name.js'
import { type SettingName, setting } from './settings-table.js'

/**
 * `folder`: where a relative path starts; by default that of the process. A path becomes absolute: a server that dies is started
 * again by any of its terminals, wherever that stands. -> the value, or what it must be if `value` is wrong
 */
export function readValue(name: SettingName, value: unknown, folder = ''): { value: unknown } | { expected: string } {
  const about = setting(name)
  const { kind, default: fallback, of, also, list, among, orName } = about
  const { least = Number.NEGATIVE_INFINITY, most = Number.POSITIVE_INFINITY } = about
  const expected = { expected: expectation(name) }
  const isPath = (text: string) => !of?.includes(text) && (!orName || isPathOfModel(text, folder))
  const absolute = (text: string) => (isPath(text) ? resolve(folder, expandHome(text)) : text)
  if (fallback === undefined && typeof value === 'string' && isUnset(value, kind)) return { value: undefined }
  if (list) return readList(value, kind === 'path' ? absolute : undefined) ?? expected
  switch (kind) {
    case 'text':
      return typeof value === 'string' && value !== '' ? { value } : expected
    case 'key':
      return typeof value === 'string' && /^[!-~]([ -~]*[!-~])?$/.test(value) ? { value } : expected
    case 'path':
      if (typeof value !== 'string' || value === '') return expected
      return { value: value === '-' ? value : absolute(value) }
    case 'switch':
      return typeof value === 'boolean' ? { value } : expected
    case 'choice': {
      const word = typeof value === 'string' ? value.toLowerCase() : ''
      const found = of?.find((choice) => choice === (also?.[word] ?? word))
      return found === undefined ? expected : { value: found }
    }
    case 'size': {
      const bytes = typeof value === 'string' ? parseSize(value) : value
      return Number.isSafeInteger(bytes) && Number(bytes) >= Math.max(0, least) && Number(bytes) <= most
        ? { value: bytes }
        : expected
    }
    case 'duration': {
      const seconds = typeof value === 'string' ? parseDuration(value) : value
      return Number.isSafeInteger(seconds) && Number(seconds) >= forever ? { value: seconds } : expected
    }
    default: {
      const good = typeof value === 'number' && value >= least && value <= most
      if (!good || among?.includes(value) === false) return expected
      return kind === 'number' || Number.isSafeInteger(value) ? { value } : expected
    }
  }
}

/** An empty list unsets. */
function readList(value: unknown, change = (text: string) => text): { value: string | undefined } | undefined {
  const parts: unknown[] = typeof value === 'string' ? value.split(',') : Array.isArray(value) ? value : ['']
  const texts = parts.map((part) => (typeof part === 'string' && !part.includes(',') ? part.trim() : ''))
  if (texts.includes('')) return undefined
  return { value: texts.length > 0 ? texts.map(change).join(',') : undefined }
}

/** `auto` and an empty text unset a setting. A key of blanks is a mistake: without a word there would be no key. */
function isUnset(value: string, kind: string): boolean {
  return (kind === 'key' ? value : value.trim()) === '' || value.toLowerCase() === 'auto'
}

function expectation(name: SettingName): string {
  const { kind, of = [], list, among, least, most, default: fallback, orName } = setting(name)
  const or = fallback === undefined && !['text', 'key', 'path'].includes(kind) ? ', or auto' : ''
  if (list) return `a ${kind}, or a list of ${kind}s without commas`
  if (kind === 'key') return 'letters, digits and signs of ASCII'
  if (kind === 'choice') return `one of ${of.join(', ')}${or}`
  if (kind === 'switch') return 'true or false'
  if (kind === 'size') {
    const within = least ? ` of at least ${least} bytes` : ''
    const upTo = most === undefined || most >= Number.MAX_SAFE_INTEGER ? '' : ` and at most ${most}`
    return `a size such as 18GB, 20GiB or 18000000000${within}${upTo}${or}`
  }
  if (kind === 'duration') return `a time such as 45s, 30m or 2h, or forever${or}`
  if (kind === 'path') return [...of, orName ? 'a model' : 'a path'].join(' or ')
  if (kind === 'text') return 'a text'
  if (among) return `one of ${among.join(', ')}${or}`
  const what = kind === 'whole' ? 'a whole number' : 'a number'
  if (least === undefined) return `${what}${or}`
  // A bound that is only the largest integer says nothing.
  const isOpen = most === undefined || most >= 2 ** 31 - 1
  return isOpen ? `${what} of at least ${least}${or}` : `${what} from ${least} to ${most}${or}`
}

/** Bytes as a size that reads back: whole units where there are some. */
export function sizeText(bytes: number): string {
  const unit = ['TiB', 'GiB', 'MiB', 'KiB'].find((_, i) => bytes > 0 && bytes % 1024 ** (4 - i) === 0)
  // 18000000000 would be 17578125KiB.
  if (unit === 'KiB' && bytes >= 1024 ** 3) return String(bytes)
  return unit === undefined ? String(bytes) : `${bytes / 1024 ** (powers.indexOf(unit.charAt(0).toLowerCase()))}${unit}`
}

const powers = ['', 'k', 'm', 'g', 't']

/**
 * Bytes of a size such as 18GB, 20GiB, 1.5g or 4096; undefined if it is not one. Units are powers of 1000 (18G is
 * 18GB), with an i powers of 1024.
 */
export function parseSize(text: string): number | undefined {
  const match = /^(\d+(?:\.\d+)?|\.\d+)\s*(?:([kmgt])(i?)b?|b)?$/i.exec(text.trim())
  if (!match) return undefined
  const [, number, unit = '', binary] = match
  const bytes = Number(number) * (binary ? 1024 : 1000) ** powers.indexOf(unit.toLowerCase())
  return Number.isSafeInteger(Math.round(bytes)) ? Math.round(bytes) : undefined
}

/** In seconds, as of a setting that is a time. */
const forever = -1

const lengths: Record<string, number> = { s: 1, m: 60, h: 3600, d: 86_400 }

/** Seconds of a time such as 30m, 2h, 45s or 90; undefined if it is not one. */
function parseDuration(text: string): number | undefined {
  const word = text.trim().toLowerCase()
  if (word === 'forever') return forever
  const [, number, unit = 's'] = /^(\d+)\s*([smhd])?$/.exec(word) ?? []
  return number === undefined ? undefined : Number(number) * (lengths[unit] ?? 1)
}

/** Seconds as a time that reads back, in the largest whole unit. */
export function durationText(seconds: number): string {
  if (seconds < 0) return 'forever'
  const [unit, length] = Object.entries(lengths).findLast(([, each]) => seconds >= each && seconds % each === 0) ?? [
    's',
    1,
  ]
  return `${seconds / length}${unit}`
}
