/** A controller that fires with a caller's signal, until it is released. */

export interface Following {
  readonly signal: AbortSignal
  abort(): void
  /** Leaves nothing on the caller's signal. */
  release(): void
}

/**
 * For a signal that its caller may use for many requests. AbortSignal.any leaves an entry on it for each of them, which
 * Node 20 never removes, and ignores signals that are not Node's own.
 */
export function following(caller: AbortSignal | undefined): Following {
  const controller = new AbortController()
  const abort = () => controller.abort()
  if (caller?.aborted) abort()
  caller?.addEventListener('abort', abort, { once: true })
  return { signal: controller.signal, abort, release: () => caller?.removeEventListener('abort', abort) }
}
