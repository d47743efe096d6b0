/** Which family's prompts and answers a checkpoint has, by its model_type. */
import { TetherError } from '../errors.js'
import { gemma2Format, gemma3Format } from './formats/gemma3.js'
import { gemma4Format } from './formats/gemma4.js'
import { llama2Format } from './formats/llama2.js'
import { llama3Format } from './formats/llama3.js'
import { mistralFormat } from './formats/mistral.js'
import { taughtFormat } from './formats/taught.js'
import { renderGemma4 } from './templates/gemma4.js'
import { renderLlama3 } from './templates/llama3.js'
import type { ChatFamily, OutputFormat } from './types.js'

export const FAMILIES: Record<string, ChatFamily> = {
  gemma4: { ...gemma4Format, render: renderGemma4 },
  llama3: { ...llama3Format, render: renderLlama3 },
}

/** Every format that can be read, those included whose prompts come from elsewhere. */
export const FORMATS: Record<string, OutputFormat> = {
  gemma4: gemma4Format,
  llama3: llama3Format,
  gemma3: gemma3Format,
  gemma2: gemma2Format,
  llama2: llama2Format,
  mistral: mistralFormat,
  taught: taughtFormat,
}

/** Throws `unsupported_model`, naming what is supported; `not_implemented` for a relative of what is. */
export function chatFamily(modelType: string): ChatFamily {
  const name = /^gemma4(_|$)/.test(modelType) ? 'gemma4' : modelType === 'llama' ? 'llama3' : ''
  const family = FAMILIES[name]
  if (family) return family
  throw new TetherError(
    /^(gemma|llama)/.test(modelType) ? 'not_implemented' : 'unsupported_model',
    `model_type "${modelType}" is not supported; take a checkpoint of Gemma 4 (gemma4) or Llama 3 (llama)`,
  )
}
