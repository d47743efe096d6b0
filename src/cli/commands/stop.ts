/** `tether stop`: ends a server, also one that terminals use. */
import { TetherError } from '../../errors.js'
import { oneLine } from '../../one-line.js'
import { type Call, UsageError } from '../args.js'
import { type ServerRecord, serverRecords } from '../serving/running-servers.js'
import { terminals } from '../sharing/ask-which.js'
import { askReport, stopServer } from '../sharing/lease.js'
import { namedServer } from '../sharing/named-server.js'
import { say } from '../terminal/say.js'

/** -> the exit status. Throws UsageError, and `no_server` where none is meant. */
export async function runStop({ words, flags }: Call): Promise<number> {
  const [model] = words
  if (flags.all && model !== undefined) throw new UsageError('--all stops every server: no model goes with it')
  const meant = flags.all ? serverRecords() : [namedServer(model, 'stop')]
  if (meant.length === 0) say('no tether is running')
  for (const record of meant) await stop(record)
  return 0
}

async function stop(record: ServerRecord): Promise<void> {
  const { pid, model, url } = record
  const used = (await askReport(record))?.terminals.length ?? 0
  if (!(await stopServer(record))) {
    throw new TetherError('internal', `the server of process ${pid} does not end. To end it:\n  kill -9 ${pid}`)
  }
  say(`stopped ${oneLine(model)} at ${url}${used > 0 ? `, which ${terminals(used)} used` : ''}`)
}
