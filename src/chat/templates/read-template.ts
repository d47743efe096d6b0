/** Reads a checkpoint's own chat template, wherever it stands. */

import { join } from 'node:path'
import { TetherError } from '../../errors.js'
import { parsePythonJson } from '../../python-json.js'
import { MOST_OF_JSON, readRegularFile } from '../../read-file.js'
import type { ChatTemplate } from './template-family.js'

/**
 * Where a template may stand, as mlx-lm and transformers look: chat_template.jinja, then tokenizer_config.json (one, or a
 * list of named ones, or additional_chat_templates/*.jinja beside the file), then chat_template.json, which older image
 * checkpoints have. undefined if the checkpoint has none. `warn` gets what is wrong with a file that is not needed.
 * Throws `bad_config` for a malformed tokenizer_config.json.
 */
export async function readTemplate(
  dir: string,
  controls: readonly string[],
  warn: (message: string) => void = () => {},
): Promise<ChatTemplate | undefined> {
  const configPath = join(dir, 'tokenizer_config.json')
  const config = parse(configPath, (await readText(configPath)) ?? '{}')
  const tokens = {
    ...specialTokens(await readOptional(join(dir, 'special_tokens_map.json'), warn)),
    ...specialTokens(config),
  }
  const path = join(dir, 'chat_template.jinja')
  const source = await readText(path)
  if (source !== undefined) {
    const toolSource = await readText(join(dir, 'additional_chat_templates', 'tool_use.jinja'))
    return { source, ...(toolSource === undefined ? {} : { toolSource }), path, tokens, controls }
  }
  const own = namedTemplates(config.chat_template)
  if (own) return { ...own, path: configPath, tokens, controls }
  const jsonPath = join(dir, 'chat_template.json')
  const older = namedTemplates((await readOptional(jsonPath, warn)).chat_template)
  return older && { ...older, path: jsonPath, tokens, controls }
}

/** Empty, with a warning, if the file is there and broken. */
async function readOptional(path: string, warn: (message: string) => void): Promise<Record<string, unknown>> {
  try {
    return parse(path, (await readText(path)) ?? '{}')
  } catch (error) {
    warn(`${(error as Error).message}; it is ignored`)
    return {}
  }
}

async function readText(path: string): Promise<string | undefined> {
  try {
    return (await readRegularFile(path, MOST_OF_JSON)).toString('utf8')
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw new TetherError('bad_config', `${path} cannot be read (${(cause as Error).message})`, { cause })
  }
}

function parse(path: string, text: string): Record<string, unknown> {
  try {
    const value: unknown = parsePythonJson(text)
    if (typeof value === 'object' && value !== null) return value as Record<string, unknown>
  } catch {
    // Reported below.
  }
  throw new TetherError('bad_config', `${path} is not valid JSON: download it again`)
}

/** One template, or of several named ones that for tools and that for all others. undefined: there is none. */
function namedTemplates(value: unknown): Pick<ChatTemplate, 'source' | 'toolSource'> | undefined {
  if (typeof value === 'string') return { source: value }
  const named = new Map<string, string>()
  const entries = Array.isArray(value) ? value.map((one) => [one?.name, one?.template]) : Object.entries(value ?? {})
  for (const [name, template] of entries) {
    if (typeof name === 'string' && typeof template === 'string') named.set(name, template)
  }
  const toolSource = named.get('tool_use')
  const source = named.get('default') ?? toolSource ?? [...named.values()][0]
  if (source === undefined) return undefined
  return toolSource === undefined || toolSource === source ? { source } : { source, toolSource }
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
