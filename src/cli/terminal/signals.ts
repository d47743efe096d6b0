/** Signals that ask tether to stop, as one promise. */
import { constants } from 'node:os'
import { canRedraw } from './say.js'

export interface SignalWatch {
  /** Resolves with the first that comes. */
  came: Promise<NodeJS.Signals>
  /** Restores the default handling of signals. */
  end(): void
}

const stopSignals: NodeJS.Signals[] = ['SIGINT', 'SIGTERM', 'SIGHUP']

/** `but`: a signal that means something else. */
export function watchSignals(but?: NodeJS.Signals): SignalWatch {
  const signals = stopSignals.filter((signal) => signal !== but)
  let onSignal: (signal: NodeJS.Signals) => void = () => {}
  const came = new Promise<NodeJS.Signals>((resolve) => {
    onSignal = resolve
  })
  for (const signal of signals) process.on(signal, onSignal)
  return {
    came,
    end: () => {
      for (const signal of signals) process.off(signal, onSignal)
    },
  }
}

/** A signal arrived before there was anything to stop. tether exits at once with 128 + n. */
export class Interrupted extends Error {
  constructor(readonly signal: NodeJS.Signals) {
    super(`stopped by ${signal}`)
  }
}

/** The user cancelled what tether asked. tether exits with 1, without a message. */
export class Cancelled extends Error {}

/**
 * Ends the line in which a terminal shows Ctrl-C as ^C. `erased`: a line that was drawn over stood there, so only a dumb
 * terminal still shows it.
 */
export function endLine(signal: NodeJS.Signals, { erased = false } = {}): void {
  const { stderr } = process
  if (signal === 'SIGINT' && stderr.isTTY && !(erased && canRedraw(stderr))) stderr.write('\n')
}

/** The exit status of a program that this signal ended. */
export function exitStatus(signal: NodeJS.Signals): number {
  return 128 + constants.signals[signal]
}
