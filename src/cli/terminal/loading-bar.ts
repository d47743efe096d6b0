/** The progress of a model that another process loads. */
import { oneLine } from '../../one-line.js'
import { type Progress, showProgress } from './progress.js'

export interface LoadingBar {
  /** What is being loaded. */
  name(model: string): void
  update(fraction: number, bytes: number): void
  /** Prints something else meanwhile. */
  interrupt(print: () => void): void
  /** Safe to call twice. */
  end(): void
}

/** It appears with the first update. */
export function loadingBar(quiet: boolean, say: (line: string) => void): LoadingBar {
  let progress: Progress | undefined
  let label = 'Loading the model'
  return {
    name(model) {
      label = `Loading ${oneLine(model)}`
    },
    update(fraction, bytes) {
      progress ??= showProgress({ label, bytes, stream: quiet ? undefined : process.stderr, say })
      progress.update(fraction)
    },
    interrupt(print) {
      progress?.end()
      progress = undefined
      print()
    },
    end() {
      progress?.end()
      progress = undefined
    },
  }
}
