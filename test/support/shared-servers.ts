/** One server for all terminals: tether as processes, with a fake library and a fake claude. */
import { existsSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { expect, onTestFinished } from 'vitest'
import { runFolder } from '../../src/cli/serving/run-folder.js'
import type { ServerRecord } from '../../src/cli/serving/running-servers.js'
import type { ServerReport } from '../../src/cli/sharing/messages.js'
import type { ClaudeReport } from './cli-fake-claude.js'
import { type TetherFixture, useTether } from './cli-fixture.js'
import { claudeReport, type Tether } from './cli-process.js'
import { until } from './until.js'

export interface OpenTerminal {
  running: Tether
  report: ClaudeReport
  url: string
  key: string
  /** Ends its claude. */
  quit(): Tether['ended']
}

export interface SharedServers {
  tether: TetherFixture
  /** Where servers are recorded. */
  folder(): string
  records(): ServerRecord[]
  /** Throws where there is another number of servers than one. */
  onlyRecord(): ServerRecord
  /** A terminal whose claude runs. */
  terminal(args?: string[], env?: Record<string, string>): Promise<OpenTerminal>
  serving(args?: string[], env?: Record<string, string>): Promise<{ running: Tether; url: string }>
  /** Waits until a server that is none of this process is ready. */
  successorOf(pid: number | undefined): Promise<ServerRecord>
  /** What tether ps says. */
  reports(): Promise<ServerReport[]>
}

/** Registers its hooks; call it once, at the top of a test file. */
export function useSharedServers(): SharedServers {
  const tether = useTether()
  const folder = () => runFolder(tether.place.home)
  const records = () => {
    const names = existsSync(folder()) ? readdirSync(folder()) : []
    return names.filter((name) => name.endsWith('.json')).flatMap((name) => readRecord(join(folder(), name)))
  }
  return {
    tether,
    folder,
    records,
    onlyRecord() {
      const [record, ...others] = records()
      if (!record || others.length > 0) throw new Error(`there are ${records().length} servers`)
      return record
    },
    async terminal(args = [], env = {}) {
      rmSync(tether.place.report, { force: true })
      const running = tether.startOnDemo([...args, '--claude-path', tether.place.claude, '--', 'sleep'], env)
      onTestFinished(() => void running.process.kill('SIGKILL'))
      const report = await claudeReport(tether.place)
      const quit = () => {
        process.kill(report.pid, 'SIGTERM')
        return running.ended
      }
      const { ANTHROPIC_BASE_URL: url = '', ANTHROPIC_AUTH_TOKEN: key = '' } = report.env
      return { running, report, url, key, quit }
    },
    async serving(args = [], env = {}) {
      const running = tether.startOnDemo(['--serve-only', '--port', '0', ...args], env)
      onTestFinished(() => void running.process.kill('SIGKILL'))
      await until(() => running.stderr().includes('Ctrl-C'))
      return { running, url: / ready at (\S+)/.exec(running.stderr())?.[1] ?? '' }
    },
    async successorOf(pid) {
      const ready = () => records().filter((record) => record.pid !== pid && record.window !== undefined)
      await until(() => ready().length > 0)
      return ready()[0] as ServerRecord
    },
    reports: async () => JSON.parse((await tether.start(['ps', '--json']).ended).stdout) as ServerReport[],
  }
}

/** None where it was removed since it was listed, as that of a server that died is by whoever looks next. */
function readRecord(path: string): ServerRecord[] {
  try {
    return [JSON.parse(readFileSync(path, 'utf8')) as ServerRecord]
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return []
    throw error
  }
}

/** The status for this key. */
export async function ask(url: string, key: string): Promise<number> {
  return (await fetch(`${url}/v1/models`, { headers: { authorization: `Bearer ${key}` } })).status
}

/** Waits until the key is let in, also by a server that is on its way. */
export async function letsIn(url: string, key: string): Promise<void> {
  await expect.poll(() => ask(url, key).catch(() => 0), { timeout: 60_000 }).toBe(200)
}
