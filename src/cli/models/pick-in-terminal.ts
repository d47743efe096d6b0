/** The picker in a terminal: draws it on the alternate screen, reads keys, and restores the terminal. */
import type { ReadStream, WriteStream } from 'node:tty'
import { styleText } from 'node:util'
import type { ModelSummary } from '../../models/describe-models.js'
import { deferred } from '../deferred.js'
import { isUtf8 } from '../terminal/ascii.js'
import { type Key, readKeys } from '../terminal/keys.js'
import { Interrupted } from '../terminal/signals.js'
import { type Choices, openPicker, press } from './picker.js'
import { type Frame, pageOf, pickerFrame } from './picker-frame.js'

// The alternate screen, because a terminal reflows lines when its width changes: only there can everything be redrawn.
const enter = '\u001b[?1049h\u001b[?25l'
const leave = '\u001b[?25h\u001b[?1049l'
const resumeMs = 50
const signals: NodeJS.Signals[] = ['SIGINT', 'SIGTERM', 'SIGHUP']

/** undefined: cancelled. Rejects with Interrupted for a signal and for Ctrl-C. */
export async function pickInTerminal(
  choices: Choices,
  input: ReadStream,
  output: WriteStream,
): Promise<ModelSummary | undefined> {
  const { promise, resolve, reject } = deferred<ModelSummary | undefined>()
  let picker = openPicker(choices)
  let resuming: NodeJS.Timeout | undefined
  const ascii = !isUtf8()
  const size = () => ({ columns: output.columns || 80, rows: output.rows || 24, ascii })
  const draw = () => output.write(screen(pickerFrame(picker, size())))
  const onKey = (key: Key) => {
    if (key === 'suspend') return suspend()
    const step = press(picker, key, pageOf(size()))
    if (step === 'cancelled') return resolve(undefined)
    // In raw mode the terminal sends no signal for Ctrl-C.
    if (step === 'interrupted') return reject(new Interrupted('SIGINT'))
    if ('picked' in step) return resolve(step.picked)
    picker = step.picker
    draw()
  }
  const keys = readKeys(guarded(onKey, reject))
  const onBytes = (bytes: Buffer) => keys.push(bytes)
  const onSignal = (signal: NodeJS.Signals) => reject(new Interrupted(signal))
  const onResize = guarded(draw, reject)
  const onEnd = () => resolve(undefined)
  const take = () => {
    input.setRawMode(true)
    output.write(enter)
    draw()
  }
  const restore = () => {
    // A terminal that is closed cannot be restored.
    if (!input.destroyed) input.setRawMode(false)
    output.write(leave)
  }
  const suspend = () => {
    restore()
    process.kill(process.pid, 'SIGTSTP')
    // Runs once the process is continued, or soon if nothing stopped it, as without job control.
    resuming = setTimeout(take, resumeMs)
  }
  process.on('SIGCONT', take)
  process.on('exit', restore)
  for (const signal of signals) process.on(signal, onSignal)
  output.on('resize', onResize)
  input.on('data', onBytes)
  input.on('end', onEnd)
  input.on('error', onEnd)
  try {
    take()
    input.resume()
    return await promise
  } finally {
    clearTimeout(resuming)
    keys.end()
    input.pause()
    input.off('data', onBytes)
    input.off('end', onEnd)
    input.off('error', onEnd)
    output.off('resize', onResize)
    for (const signal of signals) process.off(signal, onSignal)
    process.off('exit', restore)
    process.off('SIGCONT', take)
    restore()
  }
}

/** The whole screen: each line at its row, the rest erased, and no newline that could scroll it. */
function screen({ lines }: Frame): string {
  const drawn = lines.map(({ text, style }, i) => `\u001b[${i + 1};1H${paint(style, text)}\u001b[K`)
  return `${drawn.join('')}\u001b[J`
}

function paint(style: Frame['lines'][number]['style'], text: string): string {
  if (style === 'plain') return text
  const plain = process.env.NO_COLOR
  if (style === 'chosen') return styleText(plain ? 'bold' : ['bold', 'cyan'], text, { validateStream: false })
  if (style === 'error') return styleText(plain ? 'bold' : ['bold', 'red'], text, { validateStream: false })
  if (style === 'warning') return plain ? text : styleText('yellow', text, { validateStream: false })
  return plain ? text : styleText('dim', text, { validateStream: false })
}

/** An exception in a listener ends the picker, which restores the terminal, instead of the process. */
function guarded<T extends unknown[]>(listen: (...args: T) => void, reject: (error: unknown) => void) {
  return (...args: T) => {
    try {
      listen(...args)
    } catch (error) {
      reject(error)
    }
  }
}
