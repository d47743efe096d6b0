/**
 * What a chat template accepts. The Messages API allows more than most templates do: text beside results, calls that
 * nobody answered, two turns of one role. What a template refuses is written in another way, the smallest change first.
 */
export interface MessageForm {
  /** Messages of the role `system`. Else the system text begins the first user message. */
  systemRole: boolean
  /** Tools, calls and results are the template's own. Else our prompt teaches tools, and they are text. */
  toolRoles: boolean
  /** A call may be left without a result. Else it gets one that says so. */
  openCalls: boolean
  /** A user message may follow results. Else its text ends the last result. */
  textAfterResults: boolean
  /** One message may have several calls. Else each call has a message of its own, and its result after it. */
  manyCalls: boolean
  /** A message with calls may have text. Else the text begins the result of the first call. */
  textBesideCalls: boolean
  /** Turns in any order, and empty ones. Else a user message comes first, no two of a role follow each other, none is empty. */
  anyOrder: boolean
  /** Content is a list of parts rather than a string. */
  contentParts: boolean
  /** The arguments of a call are JSON text rather than an object. */
  argumentsAsText: boolean
}

/** What most templates accept, and what is tried first. */
export const PLAIN_FORM: MessageForm = {
  systemRole: true,
  toolRoles: true,
  openCalls: true,
  textAfterResults: true,
  manyCalls: true,
  textBesideCalls: true,
  anyOrder: true,
  contentParts: false,
  argumentsAsText: false,
}

/** The order in which a refused conversation is changed. The last form is a plain exchange of user and assistant. */
const STEPS: (keyof MessageForm)[] = [
  'openCalls',
  'textAfterResults',
  'manyCalls',
  'anyOrder',
  'systemRole',
  'textBesideCalls',
  'toolRoles',
]

/** `form`, and what to try after it, each with one more change. */
export function* formsAfter(form: MessageForm): Generator<MessageForm> {
  let now = form
  yield now
  for (const step of STEPS) {
    if (!now[step]) continue
    now = { ...now, [step]: false }
    yield now
  }
}
