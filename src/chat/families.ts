/** Which family's prompts and answers a checkpoint has, by its model_type. */
import { TetherError } from '../errors.js'
import { gemma4Reader } from './formats/gemma4.js'
import { llama3Reader } from './formats/llama3.js'
import { renderGemma4 } from './templates/gemma4.js'
import { renderLlama3 } from './templates/llama3.js'
import type { ChatFamily } from './types.js'

export const FAMILIES: Record<string, ChatFamily> = {
  gemma4: {
    name: 'gemma4',
    render: renderGemma4,
    reader: ({ tools }) => gemma4Reader(tools),
    callStart: (tool) => [{ control: '<|tool_call>' }, tool === undefined ? 'call:' : `call:${tool}{`],
    stopTokens: ['<turn|>', '<|tool_response>', '<eos>'],
  },
  llama3: {
    name: 'llama3',
    render: renderLlama3,
    reader: ({ tools }) => llama3Reader(tools),
    callStart: (tool) => [tool === undefined ? '{"name": "' : `{"name": ${JSON.stringify(tool)}, "parameters": `],
    stopTokens: ['<|eot_id|>', '<|eom_id|>', '<|end_of_text|>'],
  },
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
