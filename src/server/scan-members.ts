/**
 * Finds members of the object in a body without parsing it: which model a request is for has to be known before it is
 * known who reads it. A large body is looked through in steps, with pauses in which others are answered.
 */

/** Bytes that are looked at between two pauses. */
const STEP = 64 * 1024
/** Of a value: a name of a model is shorter. */
const LONGEST = 4096

const QUOTE = 0x22
const BACKSLASH = 0x5c
const COLON = 0x3a
const COMMA = 0x2c

/**
 * -> the members of these names of the outermost object that are texts, numbers or words of JSON. Of two of one name the last
 * one counts, as for JSON.parse, which reads the body later. Of a body that is no JSON, which others will say, what could be
 * found.
 */
export async function scanMembers<Name extends string>(
  blocks: readonly Uint8Array[],
  names: readonly Name[],
): Promise<Partial<Record<Name, unknown>>> {
  const scan = createScan(names)
  let sinceYield = 0
  for (const block of blocks) {
    for (let begin = 0; begin < block.byteLength; begin += STEP) {
      const step = block.subarray(begin, begin + STEP)
      if (sinceYield + step.byteLength > STEP) {
        await new Promise((resolve) => setImmediate(resolve))
        sinceYield = 0
      }
      sinceYield += step.byteLength
      if (scan.read(step)) return scan.found
    }
  }
  return scan.found
}

function createScan<Name extends string>(names: readonly Name[]) {
  let depth = 0
  let inText = false
  let isEscaped = false
  /** In the outermost object: whether a value comes, and of which key. */
  let afterColon = false
  let key: string | undefined
  /** The text or value of that object which is being read, as it stands there. */
  let piece: number[] = []
  const found: Partial<Record<Name, unknown>> = {}
  let isDone = false

  const wanted = () => (depth === 1 && afterColon ? names.find((name) => name === key) : undefined)
  const note = (value: unknown) => {
    const name = wanted()
    if (name !== undefined) found[name] = value
  }
  const take = (byte: number) => {
    if (depth === 1 && piece.length < LONGEST) piece.push(byte)
  }
  const endValue = () => {
    note(parsed(piece))
    piece = []
    afterColon = false
  }
  const outside = (byte: number) => {
    if (byte === QUOTE) {
      inText = true
      take(byte)
    } else if (byte === 0x7b || byte === 0x5b) {
      note(undefined)
      depth++
      if (depth === 1) piece = []
    } else if (byte === 0x7d || byte === 0x5d) {
      if (depth === 1) endValue()
      depth--
      if (depth <= 0) isDone = true
    } else if (depth === 1 && byte === COLON) {
      key = String(parsed(piece))
      piece = []
      afterColon = true
    } else if (depth === 1 && byte === COMMA) {
      endValue()
    } else if (byte > 0x20) {
      take(byte)
    }
  }
  return {
    /** -> whether it is known */
    read(bytes: Uint8Array): boolean {
      for (let i = 0; i < bytes.byteLength && !isDone; i++) {
        const byte = bytes[i] as number
        if (!inText) {
          outside(byte)
          continue
        }
        take(byte)
        if (isEscaped) isEscaped = false
        else if (byte === BACKSLASH) isEscaped = true
        else if (byte === QUOTE) inText = false
      }
      return isDone
    },
    found,
  }
}

function parsed(bytes: number[]): unknown {
  try {
    return JSON.parse(Buffer.from(bytes).toString())
  } catch {
    return undefined
  }
}
