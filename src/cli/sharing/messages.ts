/** What a server and the terminals that use it say to each other. The server's side is in `host`, theirs in `lease`. */
import type { ModelInfo, ModelReport } from '../../index.js'
import type { FoundModel } from '../../models/find-model.js'
import type { Settings } from '../config/settings-table.js'
import type { MoreModels } from '../serving/more-models.js'
import type { TlsFiles } from '../serving/tls-files.js'
import type { Peer } from './json-lines.js'

/**
 * All that a server is made from, as plain data: a process can hand it to another. It has keys in it, so it goes only over
 * sockets of this user.
 */
export interface ServePlan {
  found: FoundModel
  /** Those of this model. */
  settings: Settings
  /** What else requests may name. Unset: nothing. */
  more?: MoreModels
  /** By their names; empty: none is needed. */
  keys: Record<string, string>
  tls?: TlsFiles
  /** Take this port and no other. */
  portFixed: boolean
  /** For Claude Code: it ends with its last terminal, unless keep_alive says otherwise. Else it stays. */
  launched: boolean
  /** It takes the place of a server that died: the keys of its other terminals come when they notice. */
  inPlace?: boolean
  /** It stands in no terminal, whether it was launched or not. */
  detached: boolean
  /** The folder that Claude Code works in. */
  sessionFolder?: string
  /** The command line that it was asked for with: messages name commands that begin in the same way. */
  argv: string[]
}

/** To the server. */
export type Ask =
  /** The first message to a process that is to become a server; the sender may attach at once. */
  | { type: 'start'; plan: ServePlan }
  /** Let in this key while the connection is open. Answered with `attached`, once the model is loaded: `model`, or the first one. */
  | { type: 'attach'; key: string; pid: number; model?: string }
  /** The same without a key, which holds the server only until it is answered. */
  | { type: 'watch' }
  /** The terminal is done. Answered with `left`. */
  | { type: 'leave' }
  | { type: 'report' }
  /** End, and do not come back. */
  | { type: 'stop' }

/** From the server. */
export type Tell =
  | { type: 'loading'; fraction: number; bytes: number }
  | { type: 'attached'; facts: ServerFacts }
  | { type: 'failed'; error: ToldError }
  | { type: 'left'; left: Left }
  | { type: 'report'; report: ServerReport }
  /** It ends because somebody asked for it, so nobody is to start it again. */
  | { type: 'stopping' }
  /** It ends: what was asked comes too late. */
  | { type: 'ending' }

export type ToServer = Peer<Tell, Ask>
export type ToTerminal = Peer<Ask, Tell>

/** What a terminal needs to know of the server that it uses. */
export interface ServerFacts {
  pid: number
  url: string
  certificates?: string
  /** Of the model that the terminal asked for. */
  info: ModelInfo
  /** How long the start took. */
  seconds: number
  /** The file of its log. Unset: stderr. */
  log?: string
  /** Terminals that use it, this one too. */
  terminals: number
  /** What starts it again, should it die. */
  plan: ServePlan
}

/** What a terminal is told at its end. */
export interface Left {
  /** Errors that were logged since it came. */
  errors: number
  /** Tokens that were generated for it. */
  outputTokens: number
  /** What went wrong with the log itself. */
  faults: string[]
  /** Whether the server stays. */
  stays: boolean
}

/** Sizes in bytes. Unset: not known yet, since the model is loading. */
export interface ServerReport {
  pid: number
  version: string
  model: string
  path: string
  url: string
  /** 0…1, while it loads. */
  loading?: number
  started: string
  /** Of the process, and in it of the weights. */
  memory: { process: number; weights?: number }
  /** Each of several models. Unset: there is one. */
  models?: ModelReport[]
  terminals: Terminal[]
  requests: { running: number; ended: number }
  tokens?: { prompt: number; cached: number; output: number }
  /** Since when there is no request. Unset: one is under way. */
  idleSince?: string
  /** Seconds without a request or a terminal after which it ends; null: never. */
  keepAlive: number | null
  log?: string
}

/** A tether that runs Claude Code on the server, and what it asked for so far. */
export interface Terminal {
  pid: number
  /** As an ISO date. */
  since: string
  requests: number
  outputTokens: number
}

/** An error that is thrown again in another process. */
export interface ToldError {
  /** Unset: tether did not throw it on purpose. */
  code?: string
  message: string
  stack?: string
}
