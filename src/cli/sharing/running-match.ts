/** Which of the servers that run is the one that a terminal wants, and how the others differ from it. */
import { modelId } from '../agents/agent.js'
import { claudeModelId } from '../claude/claude-settings.js'
import type { ModelAt, ServerRecord, SharedAt } from '../serving/running-servers.js'
import { differences, type Wanted } from './same-server.js'

export interface Candidate {
  record: ServerRecord & { shared: SharedAt }
  /** What it calls the model that is wanted. Unset: that is its first one, or it has no such model. */
  name?: string
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

/**
 * Those that can be used by other terminals, in the order of the records, but for those that have the wanted model beside another
 * one: they come last. `wanted` unset: any of this version will do.
 */
export function candidates(
  records: ServerRecord[],
  wanted: Wanted | undefined,
  { version, port }: MatchOptions,
): Candidate[] {
  return records
    .filter((record): record is Candidate['record'] => record.shared !== undefined)
    .filter(({ url }) => port === undefined || new URL(url).port === String(port))
    .map((record) => candidate(record, wanted, version))
    .sort((one, other) => Number(one.name !== undefined) - Number(other.name !== undefined))
}

function candidate(record: Candidate['record'], wanted: Wanted | undefined, version: string): Candidate {
  const { shared, version: running = 'unknown' } = record
  if (running !== version) return { record, differs: { in: 'version', running } }
  if (wanted === undefined) return { record }
  if (shared.path === wanted.path) return { record, differs: difference(shared, shared, wanted) }
  const other = shared.others?.find(({ path, name }) => path === wanted.path && canBeNamed(name))
  if (other === undefined) return { record, differs: { in: 'model' } }
  return { record, name: other.name, differs: difference(other, shared, wanted) }
}

/** `model`: the one of the server that is wanted. */
function difference(model: ModelAt, { path, others = [] }: SharedAt, wanted: Wanted): Difference | undefined {
  if (model.stamp !== wanted.stamp) return { in: 'files' }
  const folders = [path, ...others.map((other) => other.path)]
  const models = wanted.models.every((folder) => folders.includes(folder)) ? [] : ['models']
  const keys = [...differences(model.settings, wanted.settings), ...models].sort()
  return keys.length > 0 ? { in: 'settings', keys } : undefined
}

/** Whether agents send this name as it is: the server takes any other for its first model. */
function canBeNamed(name: string): boolean {
  return claudeModelId(modelId(name)) === name
}
