/** Chooses the family of a checkpoint, which says how its prompts and answers are written. */
import { TetherError } from '../errors.js'
import { gemma2Format, gemma3Format } from './formats/gemma3.js'
import { gemma4Format } from './formats/gemma4.js'
import { llama2Format } from './formats/llama2.js'
import { llama3Format } from './formats/llama3.js'
import { mistralFormat } from './formats/mistral.js'
import { promptedTools } from './formats/prompted-tools.js'
import { renderGemma3 } from './templates/gemma3.js'
import { renderGemma4 } from './templates/gemma4.js'
import { type ChatTemplate, jinjaFamily } from './templates/jinja.js'
import { renderLlama3 } from './templates/llama3.js'
import type { ChatFamily, OutputFormat } from './types.js'

export const FAMILIES: Record<string, ChatFamily> = {
  gemma4: { ...gemma4Format, render: renderGemma4 },
  gemma3: { ...gemma3Format, render: renderGemma3 },
  gemma2: { ...gemma2Format, render: renderGemma3 },
  llama3: { ...llama3Format, render: renderLlama3 },
}

/** All formats that can be read, including those whose prompts a Jinja template renders. */
export const FORMATS: Record<string, OutputFormat> = {
  gemma4: gemma4Format,
  llama3: llama3Format,
  gemma3: gemma3Format,
  gemma2: gemma2Format,
  llama2: llama2Format,
  mistral: mistralFormat,
  taught: promptedTools,
}

/** The properties of a checkpoint that decide its family. */
export interface ChatSource {
  modelType: string
  /** Whether the vocabulary has this control token. */
  has(token: string): boolean
  /** The checkpoint's own template, if it has one. */
  template?: ChatTemplate
}

/**
 * Looks at the tokens of its turns too: a checkpoint of type llama may be a Llama 3, or another model with Llama's
 * architecture and a template of its own. Throws `unsupported_model`, or `bad_config` if there is no template.
 */
export function chatFamily({ modelType, has, template }: ChatSource): ChatFamily {
  if (/^gemma4(_|$)/.test(modelType)) return family('gemma4')
  if (/^gemma/.test(modelType) && has('<start_of_turn>')) return family(modelType === 'gemma2' ? 'gemma2' : 'gemma3')
  if (modelType === 'llama' && has('<|eot_id|>') && has('<|start_header_id|>')) return family('llama3')
  if (!/^(gemma|llama|mistral|ministral)/.test(modelType)) {
    throw new TetherError(
      'unsupported_model',
      `model_type "${modelType}" is not supported; take a checkpoint of Gemma, Llama or Mistral`,
    )
  }
  if (template) return jinjaTemplateFamily(template, has)
  throw new TetherError(
    'bad_config',
    'the checkpoint has no chat template, so it is a base model or one without its tokenizer_config.json; take its instruct version',
  )
}

function family(name: keyof typeof FAMILIES): ChatFamily {
  return FAMILIES[name] as ChatFamily
}

/** A model whose template writes tools in its own format answers in that format; it is used if it is a known one. */
function jinjaTemplateFamily(template: ChatTemplate, has: ChatSource['has']): ChatFamily {
  const { render, hasTools } = jinjaFamily(template)
  if (hasTools && has('[TOOL_CALLS]')) return { ...mistralFormat, render }
  if (has('[INST]') || template.source.includes('[INST]')) return { ...llama2Format, render }
  const end = template.tokens.eos_token
  return { ...promptedTools, stopTokens: end === undefined ? [] : [end], render }
}
