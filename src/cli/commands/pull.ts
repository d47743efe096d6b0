/** `tether pull`: downloads a model and shows its progress. It can be stopped and continued at any time. */
import { TetherError } from '../../errors.js'
import { readHub } from '../../models/pull/hub.js'
import { pull } from '../../models/pull/pull.js'
import { parseRepo } from '../../models/repo.js'
import { pullProgress } from '../models/pull-progress.js'
import { canRedraw, say } from '../terminal/say.js'
import { exitStatus, watchSignals } from '../terminal/signals.js'

export interface PullCommand {
  /** As it was typed: ORG/NAME or ORG/NAME@REVISION. */
  model: string
  /** The value of --revision. */
  revision?: string
  modelsDir: string
}

/** -> the exit status. Throws TetherError. */
export async function runPull({ model, revision, modelsDir }: PullCommand): Promise<number> {
  const asked = parseRepo(model)
  const repo = asked && parseRepo(`${asked.name}${withAt(revision ?? asked.revision)}`)
  if (!repo) {
    const example = 'tether pull mlx-community/gemma-4-e2b-it-4bit'
    throw new TetherError(
      'model_not_found',
      `${model} is not the name of a model on the hub; use ORG/NAME, as in: ${example}`,
    )
  }
  const signals = watchSignals()
  const stop = new AbortController()
  signals.came.then(() => stop.abort())
  const progress = pullProgress(repo.name, process.stderr, say)
  const tell = (line: string) => {
    // Erase the bar first; it is drawn again below the line.
    if (canRedraw(process.stderr)) process.stderr.write('\r\u001b[K')
    say(line)
  }
  try {
    const { path, wasThere } = await pull(repo, { modelsDir, hub: readHub(), signal: stop.signal, say: tell, progress })
    if (!wasThere) say(`${repo.name} is in ${path}; to use it: tether --model ${repo.name}`)
    return 0
  } catch (error) {
    if (!stop.signal.aborted) throw error
    say(error instanceof Error ? error.message : String(error))
    return exitStatus(await signals.came)
  } finally {
    signals.end()
  }
}

function withAt(revision: string | undefined): string {
  return revision === undefined ? '' : `@${revision}`
}
