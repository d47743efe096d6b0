/** A terminal's side of its connection to a server, which lets its key in for as long as the connection is open. */

import { TetherError } from '../../errors.js'
import { within } from '../../within.js'
import { type ServerRecord, serverRecords } from '../serving/running-servers.js'
import { connectPeer } from './json-lines.js'
import type { Ask, Left, ServerFacts, ServerReport, Tell, ToServer } from './messages.js'
import { isSuspended, stillRuns } from './process-birth.js'
import { errorOf } from './told-error.js'

export interface Lease {
  facts: ServerFacts
  /** How the connection ended, if the terminal did not end it: somebody stopped the server, or it is gone. */
  lost: Promise<'stopped' | 'died'>
  /** -> what the server says at the end; undefined: it is gone */
  leave(): Promise<Left | undefined>
  /** After `leave`: once the server has ended, if it does. */
  serverEnded(): Promise<void>
}

export interface Asking {
  /** Unset: wait for the model, and use no key. */
  key?: string
  /** What the server calls the model. Unset: its first one. */
  model?: string
  onLoading?: (fraction: number, bytes: number) => void
}

/** The server went away before it answered. */
export class ServerGone extends Error {}

/** It said nothing at all. */
export class ServerSilent extends Error {}

/** How long a model may take to be closed. */
export const endingMs = 10_000

/** A server that does not answer within this time hangs, or is none of this kind. */
const answerMs = 2000
/** A server that loads or reads a large request may be busy for longer. */
const attachMs = 5000

/** Resolves once the model is loaded. Rejects with what the load throws, and with ServerGone. `heard`: with the first message. */
export function askForLease(
  peer: ToServer,
  { key, model, onLoading }: Asking,
): { heard: Promise<void>; lease: Promise<Lease> } {
  let hear = () => {}
  const heard = new Promise<void>((resolve) => {
    hear = resolve
  })
  const lease = new Promise<Lease>((resolve, reject) => {
    peer.onMessage((message) => {
      hear()
      if (message.type === 'loading') onLoading?.(message.fraction, message.bytes)
      else if (message.type === 'attached') resolve(leaseOn(peer, message.facts))
      else if (message.type === 'failed') reject(errorOf(message.error))
      else if (message.type === 'stopping') reject(new TetherError('no_server', 'the server was stopped meanwhile'))
    })
    void peer.closed.then(() => {
      hear()
      reject(new ServerGone('the server is gone'))
    })
  })
  lease.catch(() => {})
  peer.send(key === undefined ? { type: 'watch' } : { type: 'attach', key, pid: process.pid, model })
  return { heard, lease }
}

/** The same of a server that runs already: rejects with ServerSilent where it does not answer. */
export async function askRunning(peer: ToServer, asking: Asking): Promise<Lease> {
  const { heard, lease } = askForLease(peer, asking)
  const hasAnswered = heard.then(() => true)
  if (!(await within(attachMs, hasAnswered))) throw new ServerSilent('the server does not answer')
  return lease
}

function leaseOn(peer: ToServer, facts: ServerFacts): Lease {
  let isStopping = false
  let isLeaving = false
  let isEnding = false
  let told: (left: Left | undefined) => void = () => {}
  const left = new Promise<Left | undefined>((resolve) => {
    told = resolve
  })
  peer.onMessage((message) => {
    if (message.type === 'stopping') isStopping = true
    if (message.type === 'left') told(message.left)
  })
  const lost = new Promise<'stopped' | 'died'>((resolve) => {
    void peer.closed.then(() => {
      told(undefined)
      if (!isLeaving) resolve(isStopping ? 'stopped' : 'died')
    })
  })
  return {
    facts,
    lost,
    async leave() {
      isLeaving = true
      peer.send({ type: 'leave' })
      const said = await within(answerMs, left)
      isEnding = said?.stays === false
      return said
    },
    async serverEnded() {
      if (isEnding) await within(endingMs, peer.closed)
      peer.end()
    },
  }
}

/** undefined: nobody listens there, so it is no server that can be shared, or it is gone. */
export async function connectTo({ shared }: ServerRecord): Promise<ToServer | undefined> {
  try {
    return shared && (await connectPeer<Tell, Ask>(shared.socket))
  } catch {
    return undefined
  }
}

/** undefined: it does not answer. */
export async function askReport(record: ServerRecord): Promise<ServerReport | undefined> {
  const peer = await connectTo(record)
  if (!peer) return undefined
  const answer = new Promise<ServerReport | undefined>((resolve) => {
    peer.onMessage((message) => message.type === 'report' && resolve(message.report))
    void peer.closed.then(() => resolve(undefined))
  })
  peer.send({ type: 'report' })
  const report = await within(answerMs, answer)
  peer.end()
  return report
}

/** Asks it to stop, by a signal where it does not listen, lets it hear that, and waits until it is gone. -> whether it is */
export async function stopServer(record: ServerRecord): Promise<boolean> {
  const peer = await connectTo(record)
  if (peer) peer.send({ type: 'stop' })
  else signal(record, 'SIGTERM')
  if (isSuspended(record.pid)) signal(record, 'SIGCONT')
  const end = performance.now() + endingMs
  const isThere = () => serverRecords().some(({ pid }) => pid === record.pid)
  while (isThere() && performance.now() < end) await new Promise((resolve) => setTimeout(resolve, 50))
  if (peer) await within(Math.max(0, end - performance.now()), peer.closed)
  peer?.end()
  return !isThere()
}

function signal(record: ServerRecord, name: NodeJS.Signals): void {
  try {
    // Another program may have its id by now.
    if (stillRuns(record)) process.kill(record.pid, name)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
  }
}
