/**
 * Calls that stand in plain text without a marker, as JSON or as Python, in a code fence or not.
 *
 * Invariants: nothing that was written vanishes but what stands around calls (fences, tags, `;`); held back is only what
 * may still become a call; every character is looked at a bounded number of times; code in backticks is never a call,
 * unless a whole fence holds nothing but calls.
 */
import type { ChatTool, Part, ReadEnd } from '../types.js'
import type { ToolCall } from './call.js'
import { type CallScan, callScan } from './call-scan.js'
import { allCalls, readJsonCalls } from './json-call.js'
import { parsePythonCall, parsePythonCalls } from './literal.js'
import { textRun } from './text-run.js'

export interface BareForms {
  /** `[f(a=1)]`; and in a fence or on a line of its own `f(a=1)`. */
  pythonic: boolean
  /** The names of code fences that may hold calls, and then hold nothing else; '' for a fence without a name. */
  fences: string[]
  /** What may stand before a call, and after it. */
  tags: string[]
}

export interface BareCalls {
  /** Reads on. */
  read(text: string): Part[]
  /** A marker that stands before calls: it is dropped if one follows, else it is text. */
  mark(marker: string): Part[]
  /** Text that is not looked at. What is held back comes before it. */
  write(text: string): Part[]
  /** Calls that were read by other means. */
  pass(calls: ToolCall[]): Part[]
  /** What is held back, while the answer goes on: a call or a thought stands here. */
  settle(end: ReadEnd): Part[]
  /** What is held back: calls if they are whole and the text ended by itself, else text. */
  end(end: ReadEnd): Part[]
}

// How far back it matters what stands before a bracket.
const RECENT = 8

interface Fence {
  ticks: number
  /** Whether its name says that it is for calls. */
  forCalls: boolean
  calls: ToolCall[]
}

type Mode = 'text' | 'data' | 'item' | 'tail' | 'tag' | 'ticks' | 'head' | 'body' | 'comment'

/** `tools` undefined: every name counts as offered. */
export function bareCalls(tools: ChatTool[] | undefined, forms: BareForms): BareCalls {
  const text = textRun()
  const names = tools?.map((tool) => tool.name)
  const shape = {
    mayName: (name: string) => (names ? names.some((one) => one.startsWith(name)) : /^[\w.-]*$/.test(name)),
    isName: (name: string) => (names ? names.includes(name) : name !== ''),
    pythonic: forms.pythonic,
  }
  let parts: Part[] = []
  let mode: Mode = 'text'
  // What may still become a call, from its first character on.
  let held: string[] = []
  let item: string[] = []
  let scan: CallScan = callScan(shape)
  // What stands before or between calls, and is dropped if a call follows.
  let before = ''
  let afterCall = false
  let lineStart = true
  // The last characters that were given out.
  let recent = ''
  // How many backticks opened the code that the text is in, on one line or in a fence.
  let code = 0
  let inFence = 0
  let ticks = 0
  let fence: Fence | undefined
  let fenceLine = false
  // A call on a line of its own, until the rest of the line is known to be empty.
  let waiting: ToolCall[] = []

  const give = (written: string) => {
    const whole = before + written
    if (whole === '') return
    before = ''
    afterCall = false
    recent = (recent + whole.slice(-RECENT)).slice(-RECENT)
    const lastLine = whole.slice(whole.lastIndexOf('\n') + 1)
    lineStart = (lineStart || lastLine.length < whole.length) && lastLine.trim() === ''
    for (const part of text.push(whole)) parts.push(part)
  }

  /** What was held is text after all. */
  const release = () => {
    const whole = held.join('')
    held = []
    mode = 'text'
    give(whole)
  }

  const emit = (calls: ToolCall[]) => {
    held = []
    before = ''
    recent = ''
    afterCall = true
    lineStart = true
    mode = 'text'
    fence = undefined
    text.interrupt()
    for (const call of calls) parts.push(call)
  }

  /** The fence holds something else than calls: it is code. */
  const giveUpFence = (closed: boolean) => {
    inFence = closed ? 0 : (fence?.ticks ?? 0)
    fence = undefined
    release()
  }

  const beginItem = () => {
    // After f( or x = stands a value of somebody's code.
    const asData = !fence && before === '' && /[=(]\s*$/.test(recent)
    scan = callScan(shape, { asData })
    item = []
    fenceLine = false
    ticks = 0
    mode = asData ? 'data' : 'item'
  }

  /** Of a tool's name, of `default_api.` or `print(`. */
  const isWordStart = (char: string) => /[A-Za-z_]/.test(char) && (shape.mayName(char) || /[dp]/.test(char))

  const readText = (source: string, from: number): number => {
    let at = from
    let blank = lineStart
    while (at < source.length) {
      const char = source[at] as string
      if (code > 0 || inFence > 0) {
        if (char === '`') break
        at = codeEnd(source, at)
        if (inFence === 0 && source[at - 1] === '\n') code = 0
        break
      }
      if (at === from && (afterCall ? /[\s;,]/ : /\s/).test(char) && (afterCall || before !== '')) {
        before += char
        return at + 1
      }
      if (char === '{' || char === '[' || char === '`' || (char === '<' && forms.tags.length > 0)) break
      if (blank && names && forms.pythonic && isWordStart(char)) break
      blank = char === '\n' || (blank && /\s/.test(char))
      at += 1
    }
    if (at > from) {
      give(source.slice(from, at))
      return at
    }
    const char = source[at] as string
    if (char === '`') {
      mode = 'ticks'
      ticks = 0
    } else if (char === '<') {
      mode = 'tag'
    } else {
      beginItem()
    }
    return at
  }

  /** Where the code that is open may end: at the next backtick, or, on one line, behind that line. */
  const codeEnd = (source: string, from: number): number => {
    const tick = source.indexOf('`', from)
    const line = inFence > 0 ? -1 : source.indexOf('\n', from)
    if (line >= 0 && (tick < 0 || line < tick)) return line + 1
    return tick < 0 ? source.length : tick
  }

  /** Parses what was scanned. */
  const itemCalls = (source: string): ToolCall[] | undefined => {
    if (source.startsWith('{')) return readJsonCalls(source, tools)
    if (!source.startsWith('[')) return allCalls([parsePythonCall(source)], tools)
    if (/^\[\s*\{/.test(source)) return readJsonCalls(source, tools)
    const calls = parsePythonCalls(source)
    return calls && allCalls(calls, tools)
  }

  const endItem = () => {
    const source = item.join('')
    const calls = scan.isCall() ? itemCalls(source) : undefined
    if (fence) {
      if (!calls) return giveUpFence(false)
      for (const call of calls) fence.calls.push(call)
      mode = 'body'
      ticks = 0
    } else if (!calls) {
      release()
    } else if (/^[{[]/.test(source)) {
      emit(calls)
    } else {
      waiting = calls
      mode = 'tail'
    }
  }

  const readItem = (source: string, from: number): number => {
    // In a fence the line that closes it counts more than a string that was left open.
    if (fence && !scan.inLongString()) {
      const char = source[from] as string
      if (char === '\n') ticks = 0
      fenceLine = char === '\n' || (fenceLine && (char === ' ' || char === '`'))
      ticks = fenceLine && char === '`' ? ticks + 1 : 0
      if (ticks === fence.ticks) {
        held.push('`')
        giveUpFence(true)
        return from + 1
      }
    }
    const { state, end } = scan.push(fence ? source.slice(from, from + 1) : source, fence ? 0 : from)
    const taken = fence ? from + end : end
    const piece = source.slice(from, taken)
    held.push(piece)
    item.push(piece)
    if (state === 'whole') endItem()
    else if (state === 'none' || state === 'data') {
      if (fence) {
        giveUpFence(false)
      } else {
        release()
        if (state === 'data') mode = 'data'
      }
    }
    return taken
  }

  const readData = (source: string, from: number): number => {
    const { state, end } = scan.push(source, from)
    give(source.slice(from, end))
    if (state === 'whole' || state === 'none') mode = 'text'
    return end
  }

  const readTail = (char: string): boolean => {
    if (char === ' ' || char === '\t' || char === '\r') {
      held.push(char)
      return true
    }
    if (char === '\n' || char === ';') emit(waiting)
    else release()
    return false
  }

  const readTag = (char: string): boolean => {
    const tag = held.join('') + char
    if (!forms.tags.some((one) => one.startsWith(tag))) {
      release()
      // The same character may open a tag again.
      return false
    }
    held.push(char)
    if (!forms.tags.includes(tag)) return true
    held = []
    before += tag
    mode = 'text'
    return true
  }

  const readTicks = (char: string): boolean => {
    if (char === '`') {
      ticks += 1
      held.push(char)
      return true
    }
    endTicks()
    return false
  }

  const endTicks = () => {
    const atLineStart = lineStart && before.trim() === ''
    if (inFence > 0) {
      if (atLineStart && ticks >= inFence) inFence = 0
      return release()
    }
    if (code === 0 && ticks >= 3) {
      mode = 'head'
      return
    }
    code = code === 0 ? ticks : code === ticks ? 0 : code
    release()
  }

  const readHead = (char: string): boolean => {
    const name = held.join('').slice(ticks).trim().toLowerCase()
    if (char === '`') {
      code = ticks
      release()
      return false
    }
    if (char === '\n') {
      held.push(char)
      if (!forms.fences.includes(name)) {
        inFence = ticks
        release()
        return true
      }
      fence = { ticks, forCalls: name.startsWith('tool'), calls: [] }
      ticks = 0
      mode = 'body'
      return true
    }
    if (forms.fences.some((one) => one.startsWith((name + char.toLowerCase()).trim()))) {
      held.push(char)
      return true
    }
    inFence = ticks
    release()
    return false
  }

  const readBody = (char: string, open: Fence): boolean => {
    if (char === '`') {
      ticks += 1
      held.push(char)
      if (ticks < open.ticks) return true
      if (open.calls.length > 0) emit(open.calls)
      else giveUpFence(true)
      return true
    }
    if (ticks > 0) {
      giveUpFence(false)
      return false
    }
    if (/[\s;,]/.test(char)) {
      held.push(char)
      return true
    }
    if (char === '#' && forms.pythonic) {
      held.push(char)
      mode = 'comment'
      return true
    }
    const word = forms.pythonic && isWordStart(char) && (names !== undefined || open.forCalls)
    if (char === '{' || char === '[' || word) beginItem()
    else giveUpFence(false)
    return false
  }

  const readComment = (char: string): boolean => {
    held.push(char)
    if (char === '\n') mode = 'body'
    return true
  }

  const step = (char: string): boolean => {
    if (mode === 'tail') return readTail(char)
    if (mode === 'tag') return readTag(char)
    if (mode === 'ticks') return readTicks(char)
    if (mode === 'head') return readHead(char)
    if (mode === 'comment') return readComment(char)
    return readBody(char, fence as Fence)
  }

  const readAll = (source: string) => {
    let at = 0
    while (at < source.length) {
      if (mode === 'text') at = readText(source, at)
      else if (mode === 'item') at = readItem(source, at)
      else if (mode === 'data') at = readData(source, at)
      else if (step(source[at] as string)) at += 1
    }
  }

  /** Decides what is open, as the end of the text does. */
  const settle = (end: ReadEnd) => {
    if (mode === 'tail' && end === 'stop') emit(waiting)
    else if (mode === 'ticks') endTicks()
    else if (mode === 'body' && end === 'stop' && fence && fence.calls.length > 0) emit(fence.calls)
    if (mode !== 'text' && mode !== 'data') release()
    mode = 'text'
    fence = undefined
    code = 0
    inFence = 0
  }

  /** What separates calls, or stands after one, says nothing behind the last of them. */
  const isGap = () => afterCall && /^[\s;,]*$/.test(forms.tags.reduce((left, tag) => left.replaceAll(tag, ''), before))

  const taken = (): Part[] => {
    const all = parts
    parts = []
    return all
  }

  return {
    read(source) {
      readAll(source)
      return taken()
    },
    mark(marker) {
      settle('stop')
      before += marker
      return taken()
    },
    write(written) {
      settle('length')
      give(written)
      return taken()
    },
    pass(calls) {
      emit(calls)
      return taken()
    },
    settle(end) {
      settle(end)
      if (!isGap()) give('')
      before = ''
      text.interrupt()
      return taken()
    },
    end(end) {
      settle(end)
      if (!isGap()) give('')
      before = ''
      for (const part of text.end()) parts.push(part)
      return taken()
    },
  }
}
