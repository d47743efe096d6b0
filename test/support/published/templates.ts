/** Chat templates with the structure of published ones: our own text, in test/fixtures/published/templates. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { CallStyle } from './calls.js'
import type { AddedTokens, TokenizerKind } from './tokenizers.js'

export interface TemplateKind {
  /** Without the ending. */
  file?: string
  /** For requests with tools, where there are several named templates. */
  toolFile?: string
  /** Tokens besides those that the tokenizer always has. */
  special?: string[]
  plain?: string[]
  bos?: string | false
  eos?: string
  /** How the prompt for an answer ends. */
  opens: string
  /** Tokens that end an answer. */
  ends: string[]
  /** What tether calls the format. */
  family: string
  calls: CallStyle
  /** What opens a thought and what closes it; empty where the prompt opens it. */
  thinks?: readonly [string, string]
}

const GEMMA: Omit<TemplateKind, 'family'> = {
  opens: '<start_of_turn>model\n',
  ends: ['<end_of_turn>', '<eos>'],
  calls: 'taught',
}
const LLAMA3: Omit<TemplateKind, 'family' | 'calls'> = {
  special: ['<|start_header_id|>', '<|end_header_id|>', '<|eom_id|>', '<|eot_id|>', '<|python_tag|>'],
  opens: '<|start_header_id|>assistant<|end_header_id|>\n\n',
  ends: ['<|eot_id|>'],
}
const CHATML: TemplateKind = {
  file: 'chatml',
  special: ['<|im_start|>', '<|im_end|>'],
  eos: '<|im_end|>',
  opens: '<|im_start|>assistant\n',
  ends: ['<|im_end|>'],
  family: 'taught',
  calls: 'taught',
}
const MISTRAL_TOKENS = [
  ...['[INST]', '[/INST]', '[TOOL_CALLS]', '[AVAILABLE_TOOLS]', '[/AVAILABLE_TOOLS]'],
  ...['[TOOL_RESULTS]', '[/TOOL_RESULTS]'],
]
const MISTRAL_SYSTEM = [...MISTRAL_TOKENS, '[IMG]', '[SYSTEM_PROMPT]', '[/SYSTEM_PROMPT]', '[TOOL_CONTENT]']
const MISTRAL: Pick<TemplateKind, 'opens' | 'ends'> = { opens: '[/INST]', ends: ['</s>'] }
/** Plain text around turns, which end with the eos token. */
const plainTurns = (file: string, opens: string, ends: string[], more: Partial<TemplateKind> = {}): TemplateKind => ({
  ...{ file, opens, ends, family: 'taught', calls: 'taught', ...more },
})

export const TEMPLATES = {
  'Gemma 2': { ...GEMMA, file: 'gemma-2', family: 'gemma2' },
  'Gemma 3': { ...GEMMA, file: 'gemma-3', family: 'gemma3' },
  'Gemma 4': {
    file: '../../../../demo/model/chat_template',
    special: ['<|turn>'],
    opens: '<|turn>model\n<|channel>thought\n<channel|>',
    ends: ['<turn|>', '<eos>'],
    family: 'gemma4',
    calls: '<|tool_call>call:',
    thinks: ['<|channel>thought\n', '<channel|>'],
  },
  FunctionGemma: {
    ...GEMMA,
    file: 'functiongemma',
    special: [
      ...['<start_function_declaration>', '<end_function_declaration>', '<start_function_call>', '<end_function_call>'],
      ...['<start_function_response>', '<end_function_response>', '<escape>'],
    ],
    family: 'taught',
  },
  TranslateGemma: { ...GEMMA, file: 'translate', family: 'taught' },
  'Llama 2': plainTurns('llama-2', '[/INST]', ['</s>'], { family: 'llama2' }),
  'Llama 3': { ...LLAMA3, file: 'llama-3', family: 'taught', calls: 'taught' },
  'Llama 3.1': { ...LLAMA3, file: 'llama-3.1', family: 'llama3', calls: '{"name", "parameters"}' },
  'Llama 3, <tool_call>': { ...LLAMA3, file: 'llama-3-tags', family: 'hermes', calls: '<tool_call>' },
  'Llama 3, <TOOLCALL>': { ...LLAMA3, file: 'llama-3-TOOLCALL', family: 'taught', calls: '<TOOLCALL>[…]' },
  'Llama 3, <function=>': { ...LLAMA3, file: 'llama-3-function-tag', family: 'taught', calls: '<function=name>' },
  'Llama 3, >>>name': {
    ...LLAMA3,
    file: 'llama-3-recipient',
    opens: `${LLAMA3.opens}>>>`,
    family: 'taught',
    calls: 'taught',
  },
  'Llama 3, JSON list': { ...LLAMA3, file: 'llama-3-json-list', family: 'taught', calls: '[{"name", "arguments"}]' },
  'Llama 3, Python list': { ...LLAMA3, file: 'llama-3-python-list', family: 'taught', calls: '[name(…)]' },
  ChatML: CHATML,
  'ChatML, own system': { ...CHATML, file: 'chatml-system' },
  Hermes: { ...CHATML, toolFile: 'hermes-tools', family: 'hermes', calls: '<tool_call>' },
  'DeepSeek R1': {
    file: 'deepseek-r1',
    bos: '<｜begin▁of▁sentence｜>',
    eos: '<｜end▁of▁sentence｜>',
    special: ['<｜▁pad▁｜>'],
    plain: [
      ...['<｜User｜>', '<｜Assistant｜>', '<think>', '</think>'],
      ...['<｜tool▁calls▁begin｜>', '<｜tool▁calls▁end｜>', '<｜tool▁call▁begin｜>', '<｜tool▁call▁end｜>'],
      ...['<｜tool▁outputs▁begin｜>', '<｜tool▁outputs▁end｜>', '<｜tool▁output▁begin｜>', '<｜tool▁output▁end｜>'],
      '<｜tool▁sep｜>',
    ],
    opens: '<｜Assistant｜><think>\n',
    ends: ['<｜end▁of▁sentence｜>'],
    family: 'taught',
    calls: 'taught',
    thinks: ['', '</think>\n\n'],
  },
  Zephyr: plainTurns('zephyr', '<|assistant|>\n', ['</s>']),
  Tulu: plainTurns('tulu', '<|assistant|>\n', ['<|end_of_text|>']),
  'Falcon 3': plainTurns('falcon-3', '<|assistant|>\n', ['<|endoftext|>'], {
    special: ['<|system|>', '<|user|>', '<|assistant|>'],
    family: 'hermes',
    calls: '<tool_call>[…]',
  }),
  'Vicuna, parts': plainTurns('vicuna-parts', 'ASSISTANT:', ['</s>'], { special: ['<image>', '<pad>'] }),
  Alpaca: plainTurns('alpaca', '### Response:', ['<|EOT|>'], {
    bos: '<｜begin▁of▁sentence｜>',
    eos: '<|EOT|>',
    special: ['<｜end▁of▁sentence｜>'],
  }),
  SOLAR: plainTurns('solar', '### Assistant:\n', ['</s>']),
  'Granite Code': plainTurns('granite-code', 'Answer:\n', ['<|endoftext|>']),
  'DeepSeek LLM': plainTurns('deepseek-llm', 'Assistant:', ['<｜end▁of▁sentence｜>'], {
    bos: '<｜begin▁of▁sentence｜>',
    eos: '<｜end▁of▁sentence｜>',
  }),
  OpenChat: plainTurns('openchat', 'GPT4 Correct Assistant:', ['<|end_of_turn|>'], {
    special: ['<|end_of_turn|>'],
    eos: '<|end_of_turn|>',
  }),
  Danube: plainTurns('danube', '<|answer|>', ['</s>'], { plain: ['<|prompt|>', '<|answer|>'] }),
  'Mistral v1': { ...MISTRAL, file: 'mistral-v1', family: 'llama2', calls: 'taught' },
  'Mistral v3': {
    ...MISTRAL,
    file: 'mistral-v3',
    special: MISTRAL_TOKENS,
    family: 'mistral',
    calls: '[TOOL_CALLS][…]',
  },
  'Mistral v3 tekken': {
    ...MISTRAL,
    file: 'mistral-v3-tekken',
    special: MISTRAL_TOKENS,
    family: 'mistral',
    calls: '[TOOL_CALLS][…]',
  },
  'Mistral v7': { ...MISTRAL, file: 'mistral-v7', special: MISTRAL_SYSTEM, family: 'llama2', calls: 'taught' },
  Pixtral: { ...MISTRAL, file: 'pixtral', special: [...MISTRAL_TOKENS, '[IMG]'], family: 'llama2', calls: 'taught' },
  'Mistral v11': {
    ...MISTRAL,
    file: 'mistral-v11',
    special: [...MISTRAL_SYSTEM, '[CALL_ID]', '[ARGS]'],
    family: 'mistral',
    calls: '[TOOL_CALLS]name[CALL_ID]',
  },
  'Mistral v13': {
    ...MISTRAL,
    file: 'mistral-v13',
    special: [...MISTRAL_SYSTEM, '[CALL_ID]', '[ARGS]', '[THINK]', '[/THINK]'],
    family: 'mistral',
    calls: '[TOOL_CALLS]name[ARGS]',
    thinks: ['[THINK]', '[/THINK]'],
  },
  none: { opens: '', ends: [], family: 'base', calls: 'taught' },
} as const satisfies Record<string, TemplateKind>

export type TemplateName = keyof typeof TEMPLATES

export const templateOf = (name: TemplateName): TemplateKind => TEMPLATES[name]

const FOLDER = 'test/fixtures/published/templates'

export function sourceOf(file: string): string {
  return readFileSync(join(FOLDER, `${file}.jinja`), 'utf8')
}

/** What a tokenizer has whatever the template is. */
function usualTokens(kind: TokenizerKind): AddedTokens {
  if (kind === 'byte-level BPE, Llama 3')
    return { special: ['<|begin_of_text|>', '<|end_of_text|>'], bos: '<|begin_of_text|>', eos: '<|end_of_text|>' }
  if (kind === 'byte-level BPE, GPT-2' || kind === 'byte-level BPE, DeepSeek')
    return { special: ['<|endoftext|>'], eos: '<|endoftext|>' }
  if (kind === 'BPE with byte fallback, Gemma') return { special: ['<bos>', '<eos>'], bos: '<bos>', eos: '<eos>' }
  return { special: ['<unk>', '<s>', '</s>'], bos: '<s>', eos: '</s>' }
}

/** The tokens of a checkpoint with this tokenizer and template. */
export function tokensOf(kind: TokenizerKind, { special = [], plain, bos, eos }: TemplateKind): AddedTokens {
  const usual = usualTokens(kind)
  const named = [bos, eos].filter((token) => typeof token === 'string')
  const always = typeof bos === 'string' ? [] : usual.special
  return {
    special: [...new Set([...always, ...named, ...special])],
    plain,
    bos: bos === false ? undefined : (bos ?? usual.bos),
    eos: eos ?? usual.eos,
  }
}
