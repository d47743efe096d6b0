/** The body of POST /v1/chat/completions to a turn. A body is walked here once, and typed from here on. */
import { askForJson } from '../../turn/ask-for-json.js'
import { type ReadOptions, readFlag, readModel, requestFields } from '../../turn/request-fields.js'
import { readSampling } from '../../turn/request-sampling.js'
import type { TurnRequest } from '../../turn/types.js'
import { readEffort, readLimit, readStop, readUsageWanted } from '../common.js'
import { readFormat } from '../content.js'
import {
  any,
  completionFields,
  type FieldTable,
  flag,
  ignoredFields,
  list,
  object,
  orNone,
  read,
  text,
  unsupported,
  whole,
} from '../fields.js'
import { readTools } from '../tools.js'
import { readMessages } from './messages.js'
import type { ChatEcho } from './types.js'

export const FIELDS: FieldTable = {
  ...completionFields,
  messages: read,
  tools: read,
  tool_choice: read,
  parallel_tool_calls: read,
  response_format: read,
  reasoning_effort: read,
  max_tokens: read,
  max_completion_tokens: read,
  logprobs: unsupported(flag, false),
  top_logprobs: unsupported(whole(0, 20), 0),
  store: unsupported(flag, false),
  modalities: { check: list, isIgnored: (value) => (value as unknown[]).some((one) => one !== 'text') },
  audio: unsupported(object),
  prediction: unsupported(object),
  functions: unsupported(list),
  function_call: unsupported(any),
  verbosity: unsupported(text, 'medium'),
  web_search_options: unsupported(object),
}

/** Throws `invalid_request`, naming the field. */
export function parseChat(body: unknown, options?: ReadOptions): TurnRequest {
  const fields = requestFields(body, options)
  const ignored = ignoredFields(fields, FIELDS)
  const model = readModel(fields.model)
  const messages = readMessages(fields.messages)
  const schema = readFormat(fields.response_format, 'response_format')
  const { tools, ignoredTools, toolChoice } = readTools(fields)
  const older = readLimit(fields.max_tokens, 'max_tokens')
  const stream = readFlag(fields.stream, 'stream')
  const echo: ChatEcho = { usage: readUsageWanted(fields) || !stream }
  return {
    model,
    stream,
    chat: {
      messages: schema ? askForJson(messages, schema, tools) : messages,
      tools,
      thinking: readEffort(fields.reasoning_effort, 'reasoning_effort'),
    },
    toolChoice,
    parallelCalls: fields.parallel_tool_calls == null || readFlag(fields.parallel_tool_calls, 'parallel_tool_calls'),
    maxTokens: readLimit(fields.max_completion_tokens, 'max_completion_tokens') ?? older,
    stopSequences: readStop(fields.stop),
    answerSchema: schema,
    sampling: readSampling(fields),
    callIdPrefix: 'call_',
    ignoredTools: orNone(ignoredTools),
    ignoredFields: orNone([...ignored, ...ignoredTools.map((type) => `a tool of type ${type}`)]),
    echo,
  }
}
