/** How a checkpoint's own template writes: what it accepts is found by trying, and what it refuses is written another way. */
import { messageOf, TetherError } from '../../errors.js'
import type { PromptOrder } from '../../options.js'
import type { Chat, PromptPiece } from '../types.js'
import { jinjaTemplate, probing, type TemplateSource, type WriteChat } from './jinja.js'
import { formsAfter, type MessageForm } from './message-form.js'
import { findForm, findStops, findWrittenCall } from './probe-template.js'

/** A checkpoint's template. Some have two: one for requests with tools, one for all others. */
export interface ChatTemplate extends TemplateSource {
  /** For requests with tools. Unset: `source` is for them too. */
  toolSource?: string
}

/** What probing a template found. Plain data, so that it can be kept. */
export interface TemplateFacts {
  form: MessageForm
  /** The form of `toolSource`. */
  toolForm?: MessageForm
  /** Control tokens that the template writes after an answer. */
  stops: string[]
  /** A call as the template writes it; empty if it has no place for calls. */
  call: string
}

/** The same for a template whose calls no reader knows: our prompt teaches tools instead. */
export function withoutTools({ form, stops }: TemplateFacts): TemplateFacts {
  return { form: { ...form, toolRoles: false }, stops, call: '' }
}

export interface TemplateFamily {
  facts: TemplateFacts
  /** Throws `invalid_request` if the template refuses the conversation in every form. */
  render(chat: Chat, order?: PromptOrder): PromptPiece[]
}

/** `known`: what probing found earlier. Throws `bad_config` for a template that cannot write a plain conversation. */
export function templateFamily(template: ChatTemplate, known?: TemplateFacts): TemplateFamily {
  const plain = jinjaTemplate(template)
  const withTools =
    template.toolSource === undefined ? undefined : jinjaTemplate({ ...template, source: template.toolSource })
  const facts = known ?? probing(() => probe(template, plain, withTools))
  return {
    facts,
    render(chat, order = 'template') {
      const useTools = withTools !== undefined && facts.toolForm !== undefined && chat.tools.length > 0
      const write: WriteChat = (some, form) => (useTools ? withTools : plain)(some, form, order)
      const form = useTools ? (facts.toolForm as MessageForm) : facts.form
      return probing(() => writeSomehow(chat, write, form, template.path))
    },
  }
}

function probe(template: ChatTemplate, plain: WriteChat, withTools: WriteChat | undefined): TemplateFacts {
  const form = formOf(template, plain, /\btools\b/.test(template.source) ? 'perhaps' : 'never')
  const toolForm = withTools && formOf(template, withTools, 'always')
  const call = (withTools && toolForm && findWrittenCall(withTools, toolForm)) || findWrittenCall(plain, form)
  return { form, ...(toolForm ? { toolForm } : {}), stops: findStops(plain, form), call }
}

function formOf({ path }: ChatTemplate, write: WriteChat, tools: 'never' | 'perhaps' | 'always'): MessageForm {
  const found = findForm(write, tools)
  if ('form' in found) return found.form
  const why = found.error === undefined ? 'it leaves the message out' : messageOf(found.error)
  throw new TetherError(
    'bad_config',
    `${path}: the chat template cannot write a plain message (${why}). Download the file again, or a newer version of the checkpoint.`,
    { cause: found.error },
  )
}

/** Changes what the template refuses, step by step. */
function writeSomehow(chat: Chat, write: WriteChat, form: MessageForm, path: string): PromptPiece[] {
  let refusal: unknown
  for (const next of formsAfter(form)) {
    try {
      return write(chat, next)
    } catch (error) {
      if (error instanceof TetherError) throw error
      refusal ??= error
    }
  }
  throw new TetherError(
    'invalid_request',
    `the chat template of this model cannot write this conversation (${messageOf(refusal)}; ${path})`,
    { cause: refusal },
  )
}
