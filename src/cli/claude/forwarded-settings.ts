/** Takes --settings out of the arguments for Claude Code, which reads only one: tether's, merged with it. */
import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { TetherError } from '../../errors.js'
import { expandHome } from '../../models/expand-home.js'

export interface Forwarded {
  /** The arguments without --settings. */
  args: string[]
  /** undefined if there was none. */
  theirs?: Record<string, unknown>
}

/** The value is JSON or a file, as for Claude Code itself; the last one counts. Throws `bad_config`. */
export function takeSettings(claudeArgs: string[]): Forwarded {
  const args: string[] = []
  let given: string | undefined
  for (let i = 0; i < claudeArgs.length; i++) {
    const arg = claudeArgs[i] as string
    if (arg === '--') {
      args.push(...claudeArgs.slice(i))
      break
    }
    if (arg.startsWith('--settings=')) given = arg.slice('--settings='.length)
    else if (arg === '--settings' && i + 1 < claudeArgs.length) given = claudeArgs[++i]
    else args.push(arg)
  }
  return given === undefined ? { args } : { args, theirs: read(given) }
}

function read(given: string): Record<string, unknown> {
  const inline = given.trimStart().startsWith('{')
  const from = inline ? 'the JSON after --settings' : `the --settings file ${given}`
  try {
    const text = inline ? given : readFileSync(resolve(expandHome(given)), 'utf8')
    const value: unknown = JSON.parse(text)
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record<string, unknown>
  } catch (error) {
    throw new TetherError('bad_config', `${from} cannot be read: ${(error as Error).message}`, { cause: error })
  }
  throw new TetherError('bad_config', `${from} must be one JSON object`)
}
