/** What a start ends with: the model's name and address, its window, and how other programs reach it. */
import { networkInterfaces } from 'node:os'
import type { ModelInfo } from '../../index.js'
import { windowSentence } from '../../model/window.js'
import { shortPath } from '../terminal/short-path.js'
import { kvBitsText } from './kv-bits-text.js'
import { type MoreModels, namesOf } from './more-models.js'

export interface ReadyModel {
  /** The server's address on this machine. */
  url: string
  info: ModelInfo
  /** How long the start took. */
  seconds: number
  /** What else requests may name. */
  more?: MoreModels
}

/** Two lines, more where a drafter was found or requests can name models, none of them indented: those are commands, which are not wrapped. */
export function readyLines({ url, info, seconds, more }: ReadyModel): string {
  return `${info.name} ready at ${url} (${seconds.toFixed(1)} s, ${computesWith(info)})\n${about(info, more)}`
}

export interface SharedModel extends Omit<ReadyModel, 'seconds'> {
  /** That use it, this one too. */
  terminals: number
}

/** The same where it was loaded already. */
export function attachedLines({ url, info, terminals, more }: SharedModel): string {
  const others = terminals === 2 ? '1 other terminal' : `${terminals - 1} other terminals`
  const shared = terminals > 1 ? `shared with ${others}` : 'already running'
  return `${info.name} ready at ${url} (${shared}, ${computesWith(info)})\n${about(info, more)}`
}

function computesWith(info: ModelInfo): string {
  return `${info.device === 'cpu' ? 'CPU' : info.device}${kvBitsText(info)}`
}

function about(info: ModelInfo, { others, small }: MoreModels = { others: [] }): string {
  const remedies = { max_context: 'raise it with --max-context', memory: 'raise it with --memory-cap' }
  const drafter = info.drafter === undefined ? [] : [`${shortPath(info.drafter)} drafts for it`]
  const names = [...new Set([...info.names, ...others.flatMap(namesOf).map(({ name }) => name)])]
  const shown = names.map((name) => (name === small ? `${name} (for background requests)` : name))
  const several = names.length > 1 ? [`models that requests can name: ${shown.join(', ')}`] : []
  return [windowSentence(info, remedies), ...drafter, ...several].join('\n')
}

export interface ServingPlace {
  /** The address that it listens on. */
  host: string
  url: string
  /** Prints the variables of its clients. Unset: they were printed. */
  envCommand?: string
}

/** What follows if there is only the server. */
export function servingLines({ host, url, envCommand }: ServingPlace): string {
  return [
    ...addressesElsewhere(host, url).map((other) => `for other machines: ${other}`),
    ...(envCommand === undefined ? [] : [`Variables for other terminals and programs:\n  ${envCommand}`]),
    'Ctrl-C stops the server.',
  ].join('\n')
}

/** The server's addresses for other machines. */
function addressesElsewhere(host: string, url: string): string[] {
  if (host !== '0.0.0.0' && host !== '::') return []
  const { port } = new URL(url)
  const addresses = Object.values(networkInterfaces()).flatMap((list) => list ?? [])
  return addresses
    .filter(({ internal, family }) => !internal && family === 'IPv4')
    .map(({ address }) => `http://${address}:${port}`)
}
