/** `tether ps`: the servers that run, what they take, and who uses them. */
import { showSize } from '../../models/show-size.js'
import { escapeControls, oneLine } from '../../one-line.js'
import type { Call } from '../args.js'
import { durationText } from '../config/setting-value.js'
import { serverRecords } from '../serving/running-servers.js'
import { askReport } from '../sharing/lease.js'
import type { ServerReport } from '../sharing/messages.js'
import { silentText } from '../sharing/silent-server.js'
import { say } from '../terminal/say.js'
import { table } from '../terminal/table.js'

/** One that does not answer is known by its record alone. */
type Known = Pick<ServerReport, 'pid' | 'model' | 'url' | 'started'> & Partial<ServerReport>

/** -> the exit status */
export async function runPs({ flags }: Call): Promise<number> {
  const records = serverRecords()
  const reports = await Promise.all(records.map(askReport))
  const servers = records.map(({ pid, model, url, started }, i) => reports[i] ?? { pid, model, url, started })
  const text = flags.json ? `${JSON.stringify(servers, null, 2)}\n` : shown(servers, process.stdout.columns)
  process.stdout.write(escapeControls(text))
  if (!flags.json) for (const [i, record] of records.entries()) if (!reports[i]) say(silentText(record))
  return 0
}

/** In a narrow terminal the last columns go first. */
export function shown(servers: Known[], width?: number, now = Date.now()): string {
  if (servers.length === 0) return 'no tether is running\n'
  const head = ['MODEL', 'ADDRESS', 'MEMORY', 'TERMINALS', 'IDLE', 'TOKENS READ', 'WRITTEN', 'ENDS', 'PROCESS']
  const rows = servers.map((server) => rowOf(server, now))
  return `${table([head, ...rows], { width, left: [0, 1], drop: [8, 7, 6, 5] }).join('\n')}\n`
}

function rowOf(server: Known, now: number): string[] {
  const { url, memory, terminals, tokens, pid } = server
  return [
    modelsText(server),
    url,
    memory ? showSize(memory.process) : '?',
    terminals ? String(terminals.length) : '?',
    idle(server, now),
    tokens ? String(tokens.prompt) : '-',
    tokens ? String(tokens.output) : '-',
    ends(server),
    String(pid),
  ]
}

/** Of several those that are loaded, or are being loaded. */
function modelsText({ model, models = [] }: Known): string {
  const shown = models.flatMap(({ name, state, progress }) => {
    if (state === 'ready') return [name]
    if (state === 'loading') return [`${name} (${progress === undefined ? 'waits' : `${Math.floor(progress * 100)}%`})`]
    return []
  })
  return oneLine(shown.length > 0 ? shown.join(', ') : model)
}

function idle({ loading, idleSince, requests }: Known, now: number): string {
  if (loading !== undefined) return `loading ${Math.floor(loading * 100)}%`
  if (!requests) return 'no answer'
  if (idleSince === undefined) return requests.running === 1 ? '1 request' : `${requests.running} requests`
  const seconds = Math.max(0, Math.round((now - Date.parse(idleSince)) / 1000))
  if (seconds < 60) return `${seconds} s`
  return seconds < 3600 ? `${Math.floor(seconds / 60)} min` : `${Math.floor(seconds / 3600)} h`
}

function ends({ keepAlive }: Known): string {
  if (keepAlive === undefined) return '?'
  if (keepAlive === null) return 'never'
  return keepAlive === 0 ? 'with its terminals' : `idle ${durationText(keepAlive)}`
}
