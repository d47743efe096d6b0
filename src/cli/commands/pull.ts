/** `tether pull`: downloads a model and shows its progress. It can be stopped and continued at any time. */
import { join } from 'node:path'
import { messageOf } from '../../errors.js'
import { modelNamed } from '../../models/find-model.js'
import { isModel } from '../../models/models-dir.js'
import { readHub } from '../../models/pull/hub.js'
import { readHubName } from '../../models/pull/hub-name.js'
import type { PullOptions } from '../../models/pull/pull.js'
import { type Repo, withoutSlash } from '../../models/repo.js'
import { namesOfDrafters, pullDrafter } from '../models/pull-drafter.js'
import { pullProgress } from '../models/pull-progress.js'
import { ask } from '../terminal/ask.js'
import { isInteractive, say } from '../terminal/say.js'
import { shortPath } from '../terminal/short-path.js'
import { endLine, exitStatus, watchSignals } from '../terminal/signals.js'
import { tetherCommand } from '../tether-command.js'

export interface PullCommand {
  /** As it was typed: ORG/NAME, ORG/NAME@REVISION or an address on the hub. */
  model: string
  /** The value of --revision. */
  revision?: string
  modelsDir: string
  /** Whether --models-dir was given, so that the printed commands need it too. */
  modelsDirGiven?: boolean
  /** Whether its drafter is wanted too. Default: asks, in a terminal, where one may be published. */
  drafter?: boolean
  /** What is pulled drafts for the model of this name. */
  draftsFor?: string
  /** The model is to run at once: one that tether cannot load is refused, and nobody needs to be told how to run it. */
  runsNext?: boolean
  /** Tests pass short waits. */
  waits?: Pick<PullOptions, 'backoffMs' | 'idleMs'>
}

/** -> the exit status. Throws TetherError. */
export async function runPull(call: PullCommand): Promise<number> {
  const repo =
    presentModel(call) ??
    readHubName(call.model, { ...call, endpoint: process.env.HF_ENDPOINT, command: tetherCommand })
  const withDrafter = await wantsDrafter(repo, call)
  const status = await pullOne(repo, call)
  if (!withDrafter || status !== 0) return status
  return pullDrafter(repo.name, (name) => pullOne({ name }, { ...call, draftsFor: repo.name }))
}

/** Asks before the model comes, so that nobody has to wait for the question. */
async function wantsDrafter({ name }: Repo, { modelsDir, drafter, runsNext }: PullCommand): Promise<boolean> {
  if (drafter !== undefined) return drafter
  if (runsNext || !isInteractive() || isModel(join(modelsDir, name)) || namesOfDrafters(name).length === 0) return false
  return ask(`An assistant that drafts for ${name} makes it faster. Download it too, if there is one?`, true)
}

async function pullOne(repo: Repo, call: PullCommand): Promise<number> {
  const { modelsDir, draftsFor } = call
  const path = join(modelsDir, repo.name)
  if (isModel(path)) {
    const { checkPulled } = await import('../../models/pull/receipt.js')
    say(`${repo.name} is already downloaded (${shortPath(path)}, ${await checkPulled(path, repo)})`)
    return 0
  }
  const hub = readHub()
  const { host } = new URL(hub.endpoint)
  // Before the HTTP client is loaded, which takes longer than all until here.
  say(`Looking up ${repo.name} on ${host}`)
  const signals = watchSignals()
  const stop = new AbortController()
  signals.came.then(() => stop.abort())
  const progress = pullProgress({ label: repo.name, host, stream: process.stderr, say })
  const command = (other: Repo) => commandLine(['pull', other.name], other, call)
  try {
    const { pull } = await import('../../models/pull/pull.js')
    const shown = { say: progress.say, progress, command }
    const { about } = await pull(repo, {
      modelsDir,
      hub,
      signal: stop.signal,
      mustLoad: call.runsNext,
      ...shown,
      ...call.waits,
    })
    const size = about.replace(/^.*, /, '')
    const run = commandLine(['--model', repo.name], { name: repo.name }, call)
    const next = draftsFor === undefined ? `. Run it:\n  ${run}` : `. It drafts for ${draftsFor} from now on`
    progress.say(`Downloaded ${repo.name} to ${shortPath(path)} (${size})${call.runsNext ? '' : next}`)
    return 0
  } catch (error) {
    progress.end()
    if (!stop.signal.aborted) throw error
    const signal = await signals.came
    endLine(signal, { erased: true })
    say(messageOf(error))
    return exitStatus(signal)
  } finally {
    progress.end()
    signals.end()
  }
}

/** A model that is there, by the last part of its name: only for a name that the hub cannot have. */
function presentModel({ model, revision, modelsDir }: PullCommand): Repo | undefined {
  const typed = withoutSlash(model.trim())
  if (typed === '' || typed.includes('/') || revision !== undefined) return undefined
  const name = modelNamed(typed, modelsDir)
  return name === undefined ? undefined : { name }
}

/** A command to paste, with the flags of this call. */
function commandLine(words: string[], { revision }: Repo, { modelsDir, modelsDirGiven }: PullCommand): string {
  const ofRevision = revision === undefined ? [] : ['--revision', revision]
  const ofFolder = modelsDirGiven ? ['--models-dir', modelsDir] : []
  return tetherCommand([...words, ...ofRevision, ...ofFolder])
}
