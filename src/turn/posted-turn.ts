/**
 * A prepared turn on its way from one thread to another. Large things travel as bytes, which are handed over and not copied. A
 * schema is read where a call needs it: reading all of a large list would take the thread that answers a tenth of a second.
 */
import type { ChatTool, JsonObject } from '../chat/types.js'
import type { PreparedTurn, TurnRecord } from './types.js'

export interface PostedTurn {
  tokens: Int32Array
  forks: Int32Array
  record: Omit<TurnRecord, 'tools'>
  names: string[]
  /** The schemas as JSON, one after another, and where each ends. */
  schemas: Uint8Array
  ends: Int32Array
}

/** A schema with more bytes is not read: the model has seen a part of it at most, and what it sends is left as it is. */
const LARGEST_SCHEMA = 2 ** 19

export function toPosted({ tokens, forks, record: { tools, ...record } }: PreparedTurn): PostedTurn {
  const written = tools.map(({ schema }) => Buffer.from(JSON.stringify(schema)))
  let end = 0
  const ends = Int32Array.from(written, ({ length }) => {
    end += length
    return end
  })
  const schemas = new Uint8Array(end)
  for (const [i, one] of written.entries()) schemas.set(one, (ends[i] as number) - one.length)
  return { tokens, forks, record, names: tools.map(({ name }) => name), schemas, ends }
}

export function isPosted(result: object | undefined): result is PostedTurn {
  return result !== undefined && 'schemas' in result
}

/** What is handed over, bytes of the echo too: the thread that posts it has it no more. */
export function handedOver({ tokens, schemas, record: { echo = {} } }: PostedTurn): ArrayBuffer[] {
  const echoed = Object.values(echo).filter((value) => value instanceof Uint8Array)
  return [tokens, schemas, ...echoed].map(({ buffer }) => buffer as ArrayBuffer)
}

export function fromPosted({ tokens, forks, record, names, schemas, ends }: PostedTurn): PreparedTurn {
  const tools = names.map((name, i) => new PostedTool(name, schemas.subarray(i === 0 ? 0 : ends[i - 1], ends[i])))
  return { tokens, forks, record: { ...record, tools } }
}

/** Only prompts have descriptions. */
class PostedTool implements ChatTool {
  readonly description = ''
  private read?: JsonObject

  constructor(
    readonly name: string,
    private readonly bytes: Uint8Array,
  ) {}

  get schema(): JsonObject {
    this.read ??=
      this.bytes.length > LARGEST_SCHEMA ? {} : (JSON.parse(Buffer.from(this.bytes).toString()) as JsonObject)
    return this.read
  }
}
