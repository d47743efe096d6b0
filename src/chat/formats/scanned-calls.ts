/** Parses text that a scan found to have the shape of calls. */
import type { ChatTool } from '../types.js'
import type { ToolCall } from './call.js'
import type { CallScan } from './call-scan.js'
import { allCalls, readJsonCalls } from './json-call.js'
import { parsePythonCall, parsePythonCalls } from './literal.js'

/** undefined: some of it cannot be read, or names a tool that was not offered. `marked`: what surrounds it says "call". */
export function readScannedCalls(
  source: string,
  tools: ChatTool[] | undefined,
  marked: { marked: boolean },
): ToolCall[] | undefined {
  if (source.startsWith('{')) return readJsonCalls(source, tools, marked)
  if (!source.startsWith('[')) return allCalls([parsePythonCall(source)], tools)
  if (/^\[\s*\{/.test(source)) return readJsonCalls(source, tools, marked)
  const calls = parsePythonCalls(source)
  return calls && allCalls(calls, tools)
}

/** The calls of JSON that ends without its last brackets, after a whole value. undefined: it is not so. */
export function readUnclosedCalls(
  { scan, written }: { scan: CallScan; written: string },
  tools: ChatTool[] | undefined,
  marked: { marked: boolean },
): ToolCall[] | undefined {
  const missing = /^(?:\{|\[\s*\{)/.test(written) ? scan.missing() : undefined
  return missing === undefined ? undefined : readScannedCalls(written + missing, tools, marked)
}
