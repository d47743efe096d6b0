/** Which of the servers that run is the one that a terminal wants, and how the others differ from it. */
import type { ServerRecord, SharedAt } from '../serving/running-servers.js'
import { differences, type Wanted } from './same-server.js'

export interface Candidate {
  record: ServerRecord & { shared: SharedAt }
  /** Unset: it is what is wanted. */
  differs?: Difference
}

export type Difference =
  | { in: 'version'; running: string }
  | { in: 'model' }
  /** Its files have changed since they were loaded. */
  | { in: 'files' }
  | { in: 'settings'; keys: string[] }

export interface MatchOptions {
  version: string
  /** The port that was asked for: a server on another one is not meant. */
  port?: number
}

/** Those that can be used by other terminals, in the order of the records. `wanted` unset: any of this version will do. */
export function candidates(
  records: ServerRecord[],
  wanted: Wanted | undefined,
  { version, port }: MatchOptions,
): Candidate[] {
  return records
    .filter((record): record is Candidate['record'] => record.shared !== undefined)
    .filter(({ url }) => port === undefined || new URL(url).port === String(port))
    .map((record) => ({ record, differs: difference(record, wanted, version) }))
}

function difference(
  { shared, version: running = 'unknown' }: Candidate['record'],
  wanted: Wanted | undefined,
  version: string,
): Difference | undefined {
  if (running !== version) return { in: 'version', running }
  if (wanted === undefined) return undefined
  if (shared.path !== wanted.path) return { in: 'model' }
  if (shared.stamp !== wanted.stamp) return { in: 'files' }
  const keys = differences(shared.settings, wanted.settings)
  return keys.length > 0 ? { in: 'settings', keys } : undefined
}
