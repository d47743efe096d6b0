/** Chooses the family of a checkpoint, which says how its prompts and answers are written. */
import { TetherError, unsupportedType } from '../errors.js'
import type { PromptOrder } from '../options.js'
import { gemma2Format, gemma3Format } from './formats/gemma3.js'
import { gemma4Format } from './formats/gemma4.js'
import { llama2Format } from './formats/llama2.js'
import { llama3Format } from './formats/llama3.js'
import { mistralFormat } from './formats/mistral.js'
import { CALL_FENCE, hermesFormat, promptedTools } from './formats/prompted-tools.js'
import { withThinkTags } from './formats/think-tags.js'
import { renderGemma3 } from './templates/gemma3.js'
import { renderGemma4 } from './templates/gemma4.js'
import { probing, splitter } from './templates/jinja.js'
import { renderLlama3 } from './templates/llama3.js'
import { PLAIN_PROBES, readsBack, TOOL_PROBES } from './templates/probe-template.js'
import {
  type ChatTemplate,
  type TemplateFacts,
  type TemplateFamily,
  templateFamily,
  withoutTools,
} from './templates/template-family.js'
import type { Chat, ChatFamily, OutputFormat, PromptPiece } from './types.js'

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
  hermes: hermesFormat,
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

/** What was found out about a template. Plain data, which is kept for the next load. */
export interface TemplateVerdict {
  /** The family whose renderer in TypeScript writes what the template writes, several times faster. */
  own?: string
  facts: TemplateFacts
}

export interface ChosenFamily {
  family: ChatFamily
  /** Unset for a checkpoint without a template. */
  verdict?: TemplateVerdict
}

/** Why a checkpoint without a template answers no messages. */
export const NO_TEMPLATE =
  'this checkpoint has no chat template. A base model has none, since it only continues text: use its instruct version, whose name usually ends in -it or -Instruct. Of a model that Mistral publishes without one, use a version from mlx-community'

/** Whether prompts are written by code of ours rather than by the checkpoint's template. */
export function isWrittenByUs(family: ChatFamily): boolean {
  return family === baseModel || Object.values(FAMILIES).includes(family)
}

/** It generates from raw tokens, and knows no prompt for a chat. */
const baseModel: ChatFamily = {
  ...promptedTools,
  name: 'base',
  render() {
    throw new TetherError('invalid_request', NO_TEMPLATE)
  },
}

/** Whether the checkpoint has a chat template, so that it answers messages. */
export function hasTemplate(family: ChatFamily): boolean {
  return family !== baseModel
}

/**
 * The checkpoint's own template decides. A renderer of ours is used only where it writes the same on a set of probes.
 * Where no reader would find the calls of a model that follows its template, our prompt teaches it other ones.
 * `known`: an earlier verdict on the same template. Without a template the family is `base`, which refuses every chat.
 * Throws `unsupported_model`, or `bad_config` for a template that cannot be used.
 */
export function chatFamily({ modelType, has, template }: ChatSource, known?: TemplateVerdict): ChosenFamily {
  if (!/^(gemma|llama|mistral|ministral)/.test(modelType)) {
    throw new TetherError('unsupported_model', unsupportedType(modelType))
  }
  if (!template) return { family: baseModel }
  const ownName = ownRenderer(modelType, has)
  if (known?.own !== undefined && known.own === ownName) return { family: familyOf(ownName), verdict: known }
  return probing(() => familyOfTemplate({ modelType, has, template }, ownName, known))
}

function familyOfTemplate(
  { has, template }: ChatSource & { template: ChatTemplate },
  ownName: string | undefined,
  known: TemplateVerdict | undefined,
): ChosenFamily {
  const found = templateFamily(template, known?.facts)
  const { facts } = found
  if (!known && ownName !== undefined && writesTheSame(familyOf(ownName), found)) {
    return { family: familyOf(ownName), verdict: { own: ownName, facts } }
  }
  const format = formatOf(facts, template, has)
  if (facts.call === '' || known || readsBack(format, splitter(template.controls)(facts.call)))
    return { family: { ...format, render: found.render }, verdict: { facts } }
  const taught = withoutTools(facts)
  const { render } = templateFamily(template, taught)
  return { family: { ...formatOf(taught, template, has), render }, verdict: { facts: taught } }
}

/** The renderer of ours that may fit: a checkpoint of type llama may be a Llama 3, or anything else of that architecture. */
function ownRenderer(modelType: string, has: ChatSource['has']): string | undefined {
  if (/^gemma4(_|$)/.test(modelType)) return 'gemma4'
  if (/^gemma/.test(modelType) && has('<start_of_turn>')) return modelType === 'gemma2' ? 'gemma2' : 'gemma3'
  return modelType === 'llama' && has('<|eot_id|>') && has('<|start_header_id|>') ? 'llama3' : undefined
}

function familyOf(name: string): ChatFamily {
  return FAMILIES[name] as ChatFamily
}

function writesTheSame(own: ChatFamily, found: TemplateFamily): boolean {
  try {
    return [...PLAIN_PROBES, ...TOOL_PROBES].every(
      (chat: Chat) => written(own.render(chat)) === written(found.render(chat)),
    )
  } catch (error) {
    if (error instanceof TetherError && error.code === 'invalid_request') return false
    throw error
  }
}

/** Whether its models only write calls because our prompt teaches them a form. */
export function isTaught(family: ChatFamily): boolean {
  const [first] = family.callStart()
  return typeof first === 'string' && first.startsWith(CALL_FENCE)
}

/** Whether this order of the prompt differs from the template's. */
export function reorders(family: ChatFamily, order: PromptOrder): boolean {
  const [asked] = TOOL_PROBES as [Chat]
  return written(family.render(asked, order)) !== written(family.render(asked))
}

/** Control tokens apart from text. Gemma 4's empty thoughts do not count: ours stay in earlier turns on purpose. */
function written(pieces: PromptPiece[]): string {
  const text = pieces.map((piece) =>
    typeof piece === 'string' ? piece : 'control' in piece ? `\0${piece.control}\0` : '',
  )
  return text.join('').replaceAll('\0<|channel>\0thought\n\0<channel|>\0', '')
}

/** A model answers in the format in which its template writes calls, if that is a known one. */
function formatOf(
  { call, stops }: TemplateFacts,
  { source, toolSource = '', tokens }: ChatTemplate,
  has: ChatSource['has'],
): OutputFormat {
  const known = formatOfCall(call) ?? (has('[INST]') || source.includes('[INST]') ? llama2Format : promptedTools)
  const format = !known.thought && /<\/?think>/.test(source + toolSource) ? withThinkTags(known) : known
  const ends = [...stops, tokens.eos_token].filter((token) => token !== undefined)
  return { ...format, stopTokens: [...new Set([...format.stopTokens, ...ends])] }
}

function formatOfCall(call: string): OutputFormat | undefined {
  if (call.includes('[TOOL_CALLS]')) return mistralFormat
  if (call.includes('<|tool_call>call:')) return gemma4Format
  if (call.includes('<tool_call>')) return hermesFormat
  return /"parameters": ?\{/.test(call) ? llama3Format : undefined
}
