/** Where another server runs than the one that is wanted: says so with what both take, and asks which to use. */
import { totalmem } from 'node:os'
import { weightsSize } from '../../models/models-dir.js'
import { showSize } from '../../models/show-size.js'
import { oneLine } from '../../one-line.js'
import { version } from '../package.js'
import { isInteractive } from '../terminal/say.js'
import { Interrupted } from '../terminal/signals.js'
import { runAgain, tetherCommand } from '../tether-command.js'
import { askReport } from './lease.js'
import type { ServerReport } from './messages.js'
import type { Candidate } from './running-match.js'

export type Answer = 'attach' | 'own' | 'restart'

export interface Question {
  other: Candidate
  /** What is wanted. */
  name: string
  path: string
  say: (line: string) => void
}

/** Without a terminal to ask in: `own`, which it says. Ctrl-C throws Interrupted. */
export async function askWhich({ other, name, path, say }: Question): Promise<Answer> {
  const report = await askReport(other.record)
  say(sentence(other, { name, path, report }))
  if (!isInteractive()) {
    say(`Starting another server. ${instead(other)}`)
    return 'own'
  }
  const { createConsola } = await import('consola')
  // Both on stderr: stdout belongs to Claude Code.
  const consola = createConsola({ stdout: process.stderr, stderr: process.stderr })
  const options = choices(other, name, report)
  const answer = await consola.prompt('Which one?', { type: 'select', options, cancel: 'symbol' })
  if (typeof answer === 'symbol') throw new Interrupted('SIGINT')
  return answer as unknown as Answer
}

/** One of another version cannot be used. */
function instead({ record, differs }: Candidate): string {
  if (differs?.in === 'version')
    return `To stop the one that runs:\n  ${tetherCommand(['stop', new URL(record.url).port])}`
  return `To use the one that runs:\n  ${runAgain({ drop: ['--own'], add: ['--attach'] })}`
}

function choices(
  { record, name: known = record.model, differs }: Candidate,
  name: string,
  report: ServerReport | undefined,
) {
  const own = { label: `Start another server for ${oneLine(name)}`, value: 'own' }
  if (differs?.in !== 'version')
    return [{ label: `Use the one that runs, with ${oneLine(known)}`, value: 'attach' }, own]
  // Claude Code works on it in another terminal.
  const isUsed = (report?.terminals.length ?? 0) > 0
  return isUsed ? [own] : [{ label: `Restart it with tether ${version()}`, value: 'restart' }, own]
}

interface Facts {
  name: string
  path: string
  report?: ServerReport
}

function sentence({ record, differs }: Candidate, { name, path, report }: Facts): string {
  const at = `${oneLine(record.model)} runs at ${record.url}`
  const used = report && report.terminals.length > 0 ? `, used by ${terminals(report.terminals.length)}` : ''
  switch (differs?.in) {
    case 'version':
      return `${at} in tether ${oneLine(differs.running)}${used}; this is tether ${version()}`
    case 'files':
      return `${at}${used}, but its files have changed since they were loaded`
    case 'settings':
      return `${at}${used}, with other settings: ${differs.keys.join(', ')}. ${both(name, path, report)}`
    default:
      return `${at}${used}. ${both(name, path, report)}`
  }
}

export function terminals(count: number): string {
  return count === 1 ? '1 terminal' : `${count} terminals`
}

/** The weights are known before they are loaded; what a context takes comes on top. */
function both(name: string, path: string, report: ServerReport | undefined): string {
  const more = weightsSize(path)
  const alone = `The weights of ${oneLine(name)} take ${showSize(more)} more`
  if (!report) return `${alone}, of ${showSize(totalmem())} of memory`
  const now = report.memory.process
  return `It takes ${showSize(now)}; ${alone.charAt(0).toLowerCase()}${alone.slice(1)}, so both take ${showSize(now + more)} of ${showSize(totalmem())} of memory, and their contexts`
}
