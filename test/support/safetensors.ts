/** Reads the shapes of a checkpoint's tensors from the headers of its files. */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

export function readHeader(folder: string): Record<string, number[]> {
  const files = readdirSync(folder).filter((name) => name.endsWith('.safetensors'))
  const tensors = files.flatMap((name) => {
    const content = readFileSync(join(folder, name))
    const length = Number(content.readBigUInt64LE())
    return Object.entries(JSON.parse(content.toString('utf8', 8, 8 + length)) as Record<string, { shape?: number[] }>)
  })
  return Object.fromEntries(tensors.flatMap(([name, { shape }]) => (shape ? [[name, shape]] : [])))
}
