/** A promise that is settled from outside. */

export interface Deferred<T> {
  promise: Promise<T>
  resolve: (value: T) => void
  reject: (error: unknown) => void
}

export function deferred<T>(): Deferred<T> {
  let resolve: (value: T) => void = () => {}
  let reject: (error: unknown) => void = () => {}
  const promise = new Promise<T>((yes, no) => {
    resolve = yes
    reject = no
  })
  // A failure before anybody waits is not unhandled: whoever waits later gets it.
  promise.catch(() => {})
  return { promise, resolve, reject }
}
