/** Parses text that a scan found to have the shape of calls. */
import type { ChatTool } from '../types.js'
import type { ToolCall } from './call.js'
import { allCalls, readJsonCalls } from './json-call.js'
import { parsePythonCall, parsePythonCalls } from './literal.js'

/** undefined: some of it cannot be read, or names a tool that was not offered. */
export function readScannedCalls(source: string, tools: ChatTool[] | undefined): ToolCall[] | undefined {
  if (source.startsWith('{')) return readJsonCalls(source, tools)
  if (!source.startsWith('[')) return allCalls([parsePythonCall(source)], tools)
  if (/^\[\s*\{/.test(source)) return readJsonCalls(source, tools)
  const calls = parsePythonCalls(source)
  return calls && allCalls(calls, tools)
}
