/** Signals that ask tether itself to leave, as one promise. */
import { constants } from 'node:os'

export interface SignalWatch {
  /** Resolves with the first that comes. */
  came: Promise<NodeJS.Signals>
  /** Gives signals their usual meaning back. */
  end(): void
}

const stopSignals: NodeJS.Signals[] = ['SIGINT', 'SIGTERM', 'SIGHUP']

export function watchSignals(): SignalWatch {
  let onSignal: (signal: NodeJS.Signals) => void = () => {}
  const came = new Promise<NodeJS.Signals>((resolve) => {
    onSignal = resolve
  })
  for (const signal of stopSignals) process.on(signal, onSignal)
  return {
    came,
    end: () => {
      for (const signal of stopSignals) process.off(signal, onSignal)
    },
  }
}

/** A signal came before there was anything to stop: leave at once with 128 + n. */
export class Interrupted extends Error {
  constructor(readonly signal: NodeJS.Signals) {
    super(`stopped by ${signal}`)
  }
}

/** What a shell says of a program that this signal ended. */
export function exitStatus(signal: NodeJS.Signals): number {
  return 128 + constants.signals[signal]
}
