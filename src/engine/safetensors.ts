/** Reads the header of a .safetensors file, which says what tensors it has. */

import { closeSync, fstatSync, openSync, readSync } from 'node:fs'
import { TetherError } from '../errors.js'
import { checkRegularFile } from '../read-file.js'
import { brokenText, isObject } from './json-file.js'

export interface TensorHeader {
  /** As safetensors spells it: BF16, U32, … */
  dtype: string
  shape: number[]
  data_offsets: [number, number]
}

const HEADER_LIMIT = 100 * 1024 * 1024
/** As many bytes as a Git LFS pointer or the start of a web page needs. */
const GLANCE = 64

type Bad = (what: string) => TetherError

/**
 * The tensors by name. The header must parse and the file must be as long as the header says, so an incomplete download
 * is found here. Throws `bad_weights`.
 */
export function readSafetensors(path: string): Record<string, TensorHeader> {
  const bad: Bad = (what) => new TetherError('bad_weights', `${path} ${what}`)
  const again = 'download the file again'
  const file = openFile(path, bad)
  try {
    const { size } = fstatSync(file)
    const start = Buffer.alloc(GLANCE)
    const glance = start.subarray(0, readSync(file, start, 0, GLANCE, 0))
    const broken = brokenText(glance.toString('latin1'))
    if (broken !== undefined) throw bad(broken)
    const length = glance.length >= 8 ? Number(glance.readBigUInt64LE()) : 0
    if (length < 2 || length > HEADER_LIMIT) throw bad(`is not a safetensors file; ${again}`)
    if (8 + length > size) throw bad(`is truncated: ${size} bytes, its header alone has ${8 + length}; ${again}`)
    const buffer = Buffer.alloc(length)
    readSync(file, buffer, 0, length, 8)
    const tensors = parseHeader(buffer, bad)
    const needed =
      8 + length + Object.values(tensors).reduce((most, { data_offsets: [, end] }) => Math.max(most, end), 0)
    if (size < needed) throw bad(`is truncated: ${size} bytes of ${needed}; ${again}`)
    return tensors
  } finally {
    closeSync(file)
  }
}

function openFile(path: string, bad: Bad): number {
  try {
    checkRegularFile(path)
    return openSync(path, 'r')
  } catch (error) {
    throw bad(`cannot be opened (${(error as Error).message}); download the file again`)
  }
}

function parseHeader(header: Buffer, bad: Bad): Record<string, TensorHeader> {
  let tensors: unknown
  try {
    tensors = JSON.parse(header.toString('utf8'))
  } catch {
    throw bad('has a broken header; download the file again')
  }
  if (!isObject(tensors)) throw bad('has a broken header; download the file again')
  delete tensors.__metadata__
  for (const [name, tensor] of Object.entries(tensors)) {
    if (!isTensorHeader(tensor)) throw bad(`has a broken header (tensor ${name}); download the file again`)
  }
  return tensors as Record<string, TensorHeader>
}

function isTensorHeader(value: unknown): value is TensorHeader {
  if (!isObject(value)) return false
  const { dtype, shape, data_offsets: offsets } = value
  return typeof dtype === 'string' && isNumbers(shape) && isNumbers(offsets) && offsets.length === 2
}

function isNumbers(value: unknown): value is number[] {
  return Array.isArray(value) && value.every((item) => typeof item === 'number')
}
