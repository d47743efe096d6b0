/** The body of POST /v1/completions. A body is walked here once, and typed from here on. */
import { fail, type ReadOptions, readFlag, readModel, requestFields } from '../../turn/request-fields.js'
import { readSampling } from '../../turn/request-sampling.js'
import { readLimit, readStop, readUsageWanted } from '../common.js'
import { readString } from '../content.js'
import {
  completionFields,
  type FieldTable,
  harmless,
  ignoredFields,
  orNone,
  read,
  refused,
  single,
  unsupported,
  whole,
} from '../fields.js'
import type { ParsedCompletion } from './types.js'

/** What OpenAI's API takes where the request does not say. */
const DEFAULT_MAX_TOKENS = 16

export const FIELDS: FieldTable = {
  ...completionFields,
  prompt: read,
  suffix: read,
  max_tokens: read,
  best_of: harmless(single),
  echo: harmless(refused('Input should be false: the prompt is not repeated')),
  logprobs: unsupported(whole(0, 20)),
}

/** Throws `invalid_request`, naming the field. */
export function parseCompletion(body: unknown, options?: ReadOptions): ParsedCompletion {
  const fields = requestFields(body, options)
  const ignored = ignoredFields(fields, FIELDS)
  const stream = readFlag(fields.stream, 'stream')
  const { suffix } = fields
  return {
    model: readModel(fields.model),
    prompt: readPrompt(fields.prompt),
    suffix: suffix === undefined || suffix === null || suffix === '' ? undefined : readString(suffix, 'suffix'),
    maxTokens: readLimit(fields.max_tokens, 'max_tokens') ?? DEFAULT_MAX_TOKENS,
    stream,
    stopSequences: readStop(fields.stop),
    sampling: readSampling(fields),
    ignoredFields: orNone(ignored),
    usage: readUsageWanted(fields) || !stream,
  }
}

/** One prompt: a text or token ids, alone or as the only one of a list. */
function readPrompt(value: unknown): string | number[] {
  if (value === undefined || value === null) fail('prompt', 'Field required')
  if (typeof value === 'string') return value
  if (!Array.isArray(value)) fail('prompt', 'Input should be a string or a list')
  const isList = value.some((one) => typeof one === 'string' || Array.isArray(one))
  if (!isList) return readTokens(value, 'prompt')
  if (value.length !== 1) fail('prompt', 'Input should be one prompt: each request gets one answer')
  const [only] = value
  return typeof only === 'string' ? only : readTokens(only as unknown[], 'prompt[0]')
}

function readTokens(value: unknown[], at: string): number[] {
  const wrong = value.findIndex((one) => !Number.isInteger(one))
  if (wrong >= 0) fail(`${at}[${wrong}]`, 'Input should be a token id')
  if (value.length === 0) fail(at, 'at least one token is required')
  return value as number[]
}
