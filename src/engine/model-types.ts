/** Which checkpoints the addon can load, known without loading the addon. A test compares this with native/model/model.cpp. */

/** `model_type` of config.json. */
export const MODEL_TYPES = [
  'gemma2',
  'gemma3',
  'gemma3_text',
  'gemma3n',
  'gemma3n_text',
  'gemma4',
  'gemma4_text',
  'gemma4_unified',
  'llama',
  'ministral3',
  'mistral',
  'mistral3',
]

/** Those that only draft for another model: native/model/gemma4_assistant.cpp. */
export const ASSISTANT_TYPES = ['gemma4_assistant', 'gemma4_unified_assistant']
