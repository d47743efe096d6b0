/** Decoders: tokens back to text, one by one. Text that later tokens may still change is held back. */
import { BYTE_OF_CODE } from './byte-level.js'
import { type Fail, readCharacter, type Step } from './file.js'
import { readAddition } from './growth.js'
import { replacer } from './normalizer.js'
import { readPattern } from './pattern.js'

/** One step of decoding, for one text. */
interface Decoding {
  push(token: string, out: string[]): void
  /** Writes what was held back: the text ends here, or a control token interrupts it. */
  flush(out: string[]): void
}

/** Makes the decoding of a new text. */
export type Decoder = () => Decoding

/** A decoder, and whether its output is one running text rather than tokens. */
interface Stage {
  make: Decoder
  fused: boolean
}

export function readDecoder(step: Step | null | undefined, fail: Fail): Decoder {
  // Without a decoder the reference puts a space between tokens.
  if (!step) return joinWithSpaces
  return readStage(step, false, fail).make
}

function readStage(step: Step, fused: boolean, fail: Fail): Stage {
  switch (step.type) {
    case 'Sequence':
      return readSequence((step.decoders ?? []) as Step[], fused, fail)
    case 'Replace': {
      const content = readAddition(step.content, fail)
      const pattern = readPattern(step.pattern, fail)
      const { String: plain } = (step.pattern ?? {}) as { String?: string }
      if (plain) {
        if (fused && plain.length > 1)
          return fail('replaces more than one character after Fuse, which is not supported')
        return { make: () => eachToken((token) => token.replaceAll(plain, () => content)), fused }
      }
      if (fused) return fail('has a decoder with a pattern after Fuse, which is not supported')
      const replace = replacer(pattern, content)
      return { make: () => eachToken(replace), fused }
    }
    case 'ByteFallback':
      if (fused) return fail('has a ByteFallback after Fuse, which is not supported')
      return { make: byteFallback, fused }
    case 'ByteLevel':
      return { make: byteLevel, fused: true }
    case 'Fuse':
      return { make: () => eachToken((token) => token), fused: true }
    case 'Strip': {
      const content = readCharacter(step.content ?? ' ', fail)
      const start = Number(step.start ?? 0)
      const stop = Number(step.stop ?? 0)
      if (!fused) return { make: () => eachToken((token) => strip(token, content, start, stop)), fused }
      if (stop > 0) return fail('strips the end of the text, which is not supported')
      return { make: () => stripStart(content, start), fused }
    }
    case 'Metaspace': {
      const mark = readCharacter(step.replacement ?? '▁', fail)
      const bare = (step.prepend_scheme ?? (step.add_prefix_space === false ? 'never' : 'always')) !== 'never'
      return { make: () => metaspace(mark, bare), fused }
    }
    default:
      return fail(`has a decoder of the unknown type ${step.type}`)
  }
}

function readSequence(steps: Step[], before: boolean, fail: Fail): Stage {
  let fused = before
  const makers = steps.map((step) => {
    const stage = readStage(step, fused, fail)
    fused = stage.fused
    return stage.make
  })
  return { make: () => chain(makers.map((make) => make())), fused }
}

function chain(steps: Decoding[]): Decoding {
  const run = (from: number, tokens: string[]): string[] => {
    let current = tokens
    for (let i = from; i < steps.length && current.length > 0; i += 1) {
      const next: string[] = []
      for (const token of current) steps[i]?.push(token, next)
      current = next
    }
    return current
  }
  return {
    push(token, out) {
      for (const text of run(0, [token])) out.push(text)
    },
    flush(out) {
      for (const [i, step] of steps.entries()) {
        const held: string[] = []
        step.flush(held)
        for (const text of run(i + 1, held)) out.push(text)
      }
    },
  }
}

function eachToken(change: (token: string) => string): Decoding {
  return {
    push(token, out) {
      out.push(change(token))
    },
    flush() {},
  }
}

/**
 * A run of byte tokens is text if all of it is valid UTF-8, and one U+FFFD per byte otherwise.
 * That is known only at the end of the run, so the whole run is held back.
 */
function byteFallback(): Decoding {
  let bytes: number[] = []
  const flush = (out: string[]) => {
    if (bytes.length === 0) return
    out.push(decodeStrictly(bytes) ?? '\ufffd'.repeat(bytes.length))
    bytes = []
  }
  return {
    push(token, out) {
      // The reference reads `+5` as a number, too.
      const byte = /^<0x([0-9A-Fa-f]{2}|\+[0-9A-Fa-f])>$/.exec(token)?.[1]
      if (byte !== undefined) {
        bytes.push(Number.parseInt(byte, 16))
        return
      }
      flush(out)
      out.push(token)
    },
    flush,
  }
}

function decodeStrictly(bytes: number[]): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(Uint8Array.from(bytes))
  } catch {
    return undefined
  }
}

function byteLevel(): Decoding {
  const utf8 = new TextDecoder('utf-8', { ignoreBOM: true })
  const encoder = new TextEncoder()
  return {
    push(token, out) {
      const text = utf8.decode(bytesOf(token) ?? encoder.encode(token), { stream: true })
      if (text !== '') out.push(text)
    },
    flush(out) {
      const text = utf8.decode()
      if (text !== '') out.push(text)
    },
  }
}

/** undefined: some characters do not stand for bytes, so the token stands for itself. */
function bytesOf(token: string): Uint8Array | undefined {
  const bytes = new Uint8Array(token.length)
  for (let i = 0; i < token.length; i += 1) {
    const byte = BYTE_OF_CODE[token.charCodeAt(i)]
    if (byte === undefined) return undefined
    bytes[i] = byte
  }
  return bytes
}

function strip(token: string, content: string, start: number, stop: number): string {
  let from = 0
  while (from < start && token.startsWith(content, from)) from += content.length
  let to = token.length
  for (let i = 0; i < stop && to > from && token.slice(from, to).endsWith(content); i += 1) to -= content.length
  return token.slice(from, to)
}

/** Strips up to `start` characters from the beginning of the whole text. */
function stripStart(content: string, start: number): Decoding {
  let left = start
  return {
    push(token, out) {
      if (left === 0 || token === '') {
        out.push(token)
        return
      }
      let from = 0
      while (left > 0 && token.startsWith(content, from)) {
        from += content.length
        left -= 1
      }
      if (from < token.length) left = 0
      out.push(token.slice(from))
    },
    flush() {
      left = 0
    },
  }
}

function metaspace(mark: string, bare: boolean): Decoding {
  let first = bare
  return {
    push(token, out) {
      out.push(token.replaceAll(mark, first ? '' : ' '))
      first = false
    },
    flush() {
      first = false
    },
  }
}

function joinWithSpaces(): Decoding {
  let first = true
  return {
    push(token, out) {
      out.push(first ? token : ` ${token}`)
      first = false
    },
    flush() {},
  }
}
