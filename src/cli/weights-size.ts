/** How many bytes a model's weights have on disk. */
import { readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'

/** 0 if the folder cannot be read: loading it will say why. */
export function weightsSize(folder: string): number {
  try {
    const files = readdirSync(folder).filter((name) => name.endsWith('.safetensors'))
    return files.reduce((sum, name) => sum + statSync(join(folder, name)).size, 0)
  } catch {
    return 0
  }
}
