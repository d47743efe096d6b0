/** What was found out about chat templates, on disk, so that a template is probed once. */
import { createHash } from 'node:crypto'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { type CacheFolder, readCached, writeCached } from '../cache-folder.js'
import type { ChatSource, TemplateVerdict } from '../families.js'
import { PLAIN_FORM } from './message-form.js'

/** Raise it with every change to the probes, the forms or our own renderers. */
const FORMAT = 3
/** A verdict has less than this. */
const MOST_BYTES = 16_384

/** ~/.tether/cache/templates */
export function templateCache(): string {
  return join(homedir(), '.tether', 'cache', 'templates')
}

/** `dir`: the cache folder. */
export async function readVerdict(dir: string, source: ChatSource): Promise<TemplateVerdict | undefined> {
  return readCached(cacheFolder(dir), keyOf(source), async (file, bytes) => {
    if (bytes > MOST_BYTES) return undefined
    try {
      const verdict: unknown = JSON.parse(await file.readFile('utf8'))
      return isVerdict(verdict) ? verdict : undefined
    } catch (error) {
      if (error instanceof SyntaxError) return undefined
      throw error
    }
  })
}

export async function writeVerdict(dir: string, source: ChatSource, verdict: TemplateVerdict): Promise<void> {
  await writeCached(cacheFolder(dir), keyOf(source), JSON.stringify(verdict))
}

function cacheFolder(path: string): CacheFolder {
  return { path, ending: '.json', mostBytes: 2 ** 20 }
}

function keyOf({ modelType, template }: ChatSource): string {
  const { source, toolSource, tokens, controls } = template ?? {}
  const about = JSON.stringify([FORMAT, modelType, source, toolSource, tokens, controls])
  return createHash('sha256').update(about).digest('hex')
}

function isVerdict(value: unknown): value is TemplateVerdict {
  const { own, facts } = (value ?? {}) as Partial<TemplateVerdict>
  if (own !== undefined && typeof own !== 'string') return false
  const { form, toolForm, stops, call } = (facts ?? {}) as Partial<TemplateVerdict['facts']>
  const areStops = Array.isArray(stops) && stops.every((stop) => typeof stop === 'string')
  return isForm(form) && (toolForm === undefined || isForm(toolForm)) && areStops && typeof call === 'string'
}

function isForm(value: unknown): boolean {
  const form = (value ?? {}) as Record<string, unknown>
  return Object.keys(PLAIN_FORM).every((key) => typeof form[key] === 'boolean')
}
