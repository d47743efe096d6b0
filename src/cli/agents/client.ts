/** The program that a terminal runs on its server: Claude Code or another agent. */
import type { ModelInfo } from '../../index.js'
import { oneLine } from '../../one-line.js'
import type { OpenLog } from '../log/open-log.js'
import { holdOutput } from '../terminal/hold-output.js'
import { type AgentProcess, runProgram } from './run-program.js'

export interface Client {
  /** As people write it. */
  title: string
  /** Once the program is known to run: a warning about its version. Rejects with CannotRun. */
  checked: Promise<string | undefined>
  /** Throws `bad_config` if the window is too small for it. */
  checkWindow(info: ModelInfo, key: string): void
  /** -> the exit status */
  run(on: OnServer): Promise<number>
}

export interface OnServer {
  info: ModelInfo
  /** The name of the model for background requests. */
  smallModel?: string
  /** The server's address, as its certificate has it, and the file of what is to be trusted for that. */
  url: string
  certificates?: string
  key: string
  /** This process's own. */
  log: OpenLog
  /** The model that no setting names: a command that continues this conversation has to. */
  picked?: string
  /** Called when the program has ended. */
  leaveServer(): Promise<ServerEnd>
  say(line: string): void
}

/** What of the server is known once the program has ended. */
export interface ServerEnd {
  /** Tokens that were generated for this terminal. */
  outputTokens: number
  /** The log that has errors of this time in it. Unset: there were none. */
  log?: string
  /** What else a person has to know of. */
  notes: string[]
}

/** Runs it, then leaves the server and calls `after`. -> the exit status. What went wrong meanwhile is said last. */
export async function runOnServer(
  program: AgentProcess,
  { log, leaveServer, say }: Pick<OnServer, 'log' | 'leaveServer' | 'say'>,
  after: (status: number, end: ServerEnd) => void,
): Promise<number> {
  const release = holdOutput((text) => log.log.warning(text))
  let end: ServerEnd = { outputTokens: 0, notes: [] }
  try {
    const status = await runProgram(program)
    end = await leaveServer()
    release()
    after(status, end)
    return status
  } catch (error) {
    log.log.critical(error)
    throw error
  } finally {
    release()
    for (const note of end.notes) say(note)
    const logs = [log.errors() > 0 ? log.path : undefined, end.log].filter((path) => path !== undefined)
    if (logs.length > 0) say(`Errors were logged to ${logs.map(oneLine).join(' and ')}`)
  }
}
