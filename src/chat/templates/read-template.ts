/** Reads a checkpoint's own chat template: chat_template.jinja, or the one in tokenizer_config.json. */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { TetherError } from '../../errors.js'
import type { ChatTemplate } from './jinja.js'

/** undefined if the checkpoint has none. Throws `bad_config` for a malformed tokenizer_config.json. */
export async function readTemplate(dir: string, controls: readonly string[]): Promise<ChatTemplate | undefined> {
  const configPath = join(dir, 'tokenizer_config.json')
  const config = parse(configPath, (await readText(configPath)) ?? '{}')
  const tokens = specialTokens(config)
  const path = join(dir, 'chat_template.jinja')
  const source = await readText(path)
  if (source !== undefined) return { source, path, tokens, controls }
  const own = ownTemplate(config.chat_template)
  return own === undefined ? undefined : { source: own, path: configPath, tokens, controls }
}

async function readText(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8')
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw new TetherError('bad_config', `${path} cannot be read (${(cause as Error).message})`, { cause })
  }
}

function parse(path: string, text: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(text)
    if (typeof value === 'object' && value !== null) return value as Record<string, unknown>
  } catch {
    // Reported below.
  }
  throw new TetherError('bad_config', `${path} is not a JSON object; get the file again`)
}

/** The template, or of several named ones the one for tools. */
function ownTemplate(value: unknown): string | undefined {
  if (typeof value === 'string') return value
  if (!Array.isArray(value)) return undefined
  const named = new Map(value.map((one: { name?: string; template?: string }) => [one?.name, one?.template]))
  return named.get('tool_use') ?? named.get('default')
}

/** bos_token and the like. Each is a string or an object with the token's content. */
function specialTokens(config: Record<string, unknown>): Record<string, string> {
  const tokens: Record<string, string> = {}
  for (const [key, value] of Object.entries(config)) {
    if (!/^\w+_token$/.test(key)) continue
    const content = typeof value === 'object' && value !== null ? (value as { content?: unknown }).content : value
    if (typeof content === 'string') tokens[key] = content
  }
  return tokens
}
