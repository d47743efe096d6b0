/** What the server needs of a protocol. Each protocol implements it in a folder of its own; src/anthropic/ is one. */
import type { ErrorCode, ServerFault } from '../errors.js'
import type { PrepareOptions } from './prepare-turn.js'
import type { ReadOptions } from './request-fields.js'
import type { PreparedTurn, Prompter, TurnFinish, TurnPart } from './types.js'

/** What went wrong, for a client. */
export interface Fault {
  code: ErrorCode | ServerFault
  message: string
  /** The field of the request that is wrong. */
  field?: string
}

/** A fault as an HTTP answer. */
export interface FaultAnswer {
  status: number
  body: object
  /** Clients repeat a stream that breaks off, and this request may succeed then. Else a stream ends with an error event. */
  canRetry: boolean
}

/** The body of a request, whose bytes may be in several places. */
export interface Body {
  /** In bytes. */
  readonly length: number
  /** In one piece, which is made where it is not one: for a large body that takes its time. */
  whole(): Uint8Array
}

/** What another thread needs beside a body, by names. */
export type Beside = Record<string, Uint8Array[]>

/** A request of a conversation that the server holds. */
export interface Held<Event> {
  /** The whole request, as if nothing were held. */
  body: Uint8Array
  /** Passes on the events of the answer, and holds the conversation with it. */
  keep(events: AsyncGenerator<Event, void, undefined>): AsyncGenerator<Event, void, undefined>
}

/** What another thread knows protocols by. */
export type ProtocolName = 'anthropic' | 'chat' | 'completions' | 'responses'

/** `Event`: one item of a streamed answer. All functions are pure but for ids. */
export interface Protocol<Event> {
  readonly name: ProtocolName
  /**
   * What another thread needs beside the body, because only this one has it, as far as a part of the body names it. Parts
   * overlap by a thousand bytes. Unset: nothing.
   */
  beside?(part: Uint8Array): Beside
  /** The body of a request for an answer. Throws `invalid_request`. */
  prepareBody(prompter: Prompter, body: Uint8Array, options?: PrepareOptions & ReadOptions): PreparedTurn
  /** Throws what `prepareBody` throws, without preparing anything. */
  checkBody(body: Uint8Array, options?: ReadOptions): void
  /** Where a request adds to a conversation that is held here: its whole. Unset: none is held. */
  hold?(body: Body, options?: ReadOptions): Held<Event> | undefined
  /** The request in a body, for logs. Throws `invalid_request`. */
  requestIn(body: Uint8Array, options?: ReadOptions): unknown
  /** An answer as events. The first is given out before the part after the start is asked for. */
  toEvents(parts: AsyncIterable<TurnPart>): AsyncGenerator<Event, void, undefined>
  /** Events as the one body of an answer that is not streamed, in JSON. */
  foldText(events: AsyncIterable<Event>): Promise<string>
  /** How an answer ended, in the protocol's own word. */
  stopReason(finish: TurnFinish): string
  faultAnswer(fault: Fault, requestId: string): FaultAnswer
  /** A stream: the text of an event, of a fault that ends it after `sent` events, and of a ping in silence. */
  encode(event: Event): string
  encodeFault(fault: Fault, requestId: string, sent: number): string
  readonly ping: string
}
