/** Which family's prompts and answers a checkpoint has, by its model_type. */
import { TetherError } from '../errors.js'
import { GEMMA4_MARKERS, gemma4Reader } from './formats/gemma4.js'
import { LLAMA3_MARKERS, llama3Reader } from './formats/llama3.js'
import { renderGemma4 } from './templates/gemma4.js'
import { renderLlama3 } from './templates/llama3.js'
import type { ChatFamily } from './types.js'

export const FAMILIES: Record<string, ChatFamily> = {
  gemma4: {
    name: 'gemma4',
    render: renderGemma4,
    reader: ({ tools }) => gemma4Reader(tools),
    stopTokens: ['<turn|>', '<|tool_response>', '<eos>'],
    markers: GEMMA4_MARKERS,
  },
  llama3: {
    name: 'llama3',
    render: renderLlama3,
    reader: ({ tools }) => llama3Reader(tools),
    stopTokens: ['<|eot_id|>', '<|eom_id|>', '<|end_of_text|>'],
    markers: LLAMA3_MARKERS,
  },
}

const BY_MODEL_TYPE: Record<string, string> = {
  gemma4: 'gemma4',
  gemma4_text: 'gemma4',
  gemma4_unified: 'gemma4',
  llama: 'llama3',
}

/** Throws `unsupported_model`, naming what is supported. */
export function chatFamily(modelType: string): ChatFamily {
  const family = FAMILIES[BY_MODEL_TYPE[modelType] ?? '']
  if (family) return family
  const known = Object.keys(BY_MODEL_TYPE).join(', ')
  throw new TetherError('unsupported_model', `model_type "${modelType}" is not supported; supported: ${known}`)
}
