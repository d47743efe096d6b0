/** `tether bench`: loads a model, measures it, prints the results. */
import type { LoadModelOptions, Model } from '../../index.js'
import { demoModel } from '../../models/demo-model.js'
import { configNames, type FoundModel } from '../../models/find-model.js'
import { oneLine } from '../../one-line.js'
import { loadOptions, pickOptions } from '../../options.js'
import { type Call, UsageError } from '../args.js'
import { type BenchOptions, fits, measure } from '../bench/measure.js'
import { benchReport } from '../bench/report.js'
import { modelTableWarnings } from '../config/model-tables.js'
import { type Config, lineThatSets } from '../config/read-config.js'
import { chooseModel } from '../models/choose-model.js'
import { rememberModel } from '../models/last-model.js'
import { pullMissing } from '../models/pull-missing.js'
import type { Library } from '../serving/model-server.js'
import { isUtf8, toAscii } from '../terminal/ascii.js'
import { type Progress, showProgress } from '../terminal/progress.js'
import { isQuiet, say } from '../terminal/say.js'
import { endLine, exitStatus, Interrupted, type SignalWatch, watchSignals } from '../terminal/signals.js'

/** -> the exit status. Throws UsageError, TetherError and Interrupted. */
export async function runBench({ words, flags }: Call, config: Config, library: Library): Promise<number> {
  const options = readBenchFlags(flags)
  const { model: usual, modelsDir, memoryCap: memory, maxContext: window } = config.settings
  const places = { modelsDir, demo: demoModel, memory, maxContext: window }
  const asked = words[0] ?? usual
  const named = asked === undefined ? undefined : await pullMissing(asked, config.settings)
  if (typeof named === 'number') return named
  const found = await chooseModel({
    ...places,
    model: named,
    namedIn: words[0] === undefined ? lineThatSets('model', config) : undefined,
  })
  const { settings } = config.forModel(configNames(found))
  const warnings = isQuiet(settings) ? [] : modelTableWarnings(config, places, found)
  for (const warning of warnings) say(`warning: ${oneLine(warning)}`)
  const load = pickOptions(loadOptions, settings)
  const signals = watchSignals()
  const model = await loadWithProgress(library, found, load, signals)
  if (!found.isDemo) rememberModel(found.path)
  const leave = new AbortController()
  signals.came.then(() => leave.abort())
  for (const prompt of options.prompts.filter((prompt) => !fits(model, prompt, options.tokens))) {
    say(`${prompt} + ${options.tokens} tokens do not fit into the window of ${model.info.window}, skipped`)
  }
  const running = progress('Measuring')
  try {
    const rows = await measure(model, { ...options, signal: leave.signal }, (done, all) => running.update(done / all))
    running.end()
    if (rows.length === 0) return 1
    const width = process.stdout.columns || 80
    const { info } = model
    const about = { model: found.name, quantization: info.quantization, device: info.device, dtype: info.computeDtype }
    const asJson = () =>
      `${JSON.stringify({ ...about, threads: load.threads, kvBits: load.kvBits, prefillChunk: info.prefillChunk, ...options, rows }, null, 2)}\n`
    const asText = () => benchReport({ name: found.name, info, rows, width })
    process.stdout.write(flags.json ? asJson() : isUtf8() ? asText() : toAscii(asText()))
    return 0
  } catch (error) {
    if (!leave.signal.aborted) throw error
    const signal = await signals.came
    endLine(signal, { erased: true })
    return exitStatus(signal)
  } finally {
    running.end()
    signals.end()
    await model.close()
  }
}

/** Removes its progress bar however loading ends. Throws what loading throws, and Interrupted. */
async function loadWithProgress(
  library: Library,
  { path, name }: FoundModel,
  options: LoadModelOptions,
  signals: SignalWatch,
): Promise<Model> {
  const loading = progress(`Loading ${name}`)
  const interrupted = signals.came.then((signal) => Promise.reject(new Interrupted(signal)))
  // A signal after loading is handled by the caller.
  interrupted.catch(() => {})
  try {
    return await Promise.race([library.loadModel(path, { ...options, onProgress: loading.update }), interrupted])
  } catch (error) {
    signals.end()
    throw error
  } finally {
    loading.end()
  }
}

function progress(label: string): Progress {
  return showProgress({ label, stream: process.stderr, say })
}

/** Throws UsageError. */
export function readBenchFlags(flags: Call['flags']): Required<Omit<BenchOptions, 'signal'>> {
  const prompts = String(flags.prompts ?? '512,2048,8192').split(',')
  return {
    prompts: prompts.map((text) => count('prompts', text, 1)),
    tokens: count('tokens', String(flags.tokens ?? 64), 2),
    runs: count('runs', String(flags.runs ?? 3), 1),
  }
}

function count(name: string, text: string, least: number): number {
  const number = /^\d{1,7}$/.test(text.trim()) ? Number(text) : Number.NaN
  if (number >= least) return number
  throw new UsageError(`--${name} must be a whole number of at least ${least}, not ${text}`)
}
