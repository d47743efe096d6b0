/** `tether stop`: ends a server, also one that terminals use. */
import { oneLine } from '../../one-line.js'
import { type Call, UsageError } from '../args.js'
import { type ServerRecord, serverRecords } from '../serving/running-servers.js'
import { terminals } from '../sharing/ask-which.js'
import { askReport, endingMs, stopServer } from '../sharing/lease.js'
import { namedServer } from '../sharing/named-server.js'
import { isSuspended } from '../sharing/process-birth.js'
import { say } from '../terminal/say.js'

/** -> the exit status: 1 if one does not end. Throws UsageError, and `no_server` where none is meant. */
export async function runStop({ words, flags }: Call): Promise<number> {
  const [model] = words
  if (flags.all && model !== undefined) throw new UsageError('--all stops every server: no model goes with it')
  const meant = flags.all ? serverRecords() : [namedServer(model, 'stop')]
  if (meant.length === 0) say('no tether is running')
  const ended = await Promise.all(meant.map(stop))
  return ended.every(Boolean) ? 0 : 1
}

/** -> whether it ended */
async function stop(record: ServerRecord): Promise<boolean> {
  const { pid, model, url } = record
  const name = `${oneLine(model)} at ${url}`
  const sleeps = isSuspended(pid)
  if (sleeps) say(`${name} was suspended: process ${pid} is let go on, so that it ends`)
  const report = sleeps ? undefined : await askReport(record)
  if (!sleeps && !report) say(`${name} does not answer. It has ${endingMs / 1000} s to end`)
  const used = report?.terminals.length ?? 0
  const isGone = await stopServer(record)
  if (isGone) say(`stopped ${name}${used > 0 ? `, which ${terminals(used)} used` : ''}`)
  else say(`the server of process ${pid} does not end. To end it:\n  kill -9 ${pid}`)
  return isGone
}
