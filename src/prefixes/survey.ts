/** What a folder of kept prefixes holds, by model. Reads headers alone. Servers may write and remove files meanwhile. */
import { type Dirent, lstatSync, readdirSync, type Stats } from 'node:fs'
import { join } from 'node:path'
import { readAbout } from './about.js'
import { FORMAT, isFingerprint, type OwnFile, ownFile } from './folder.js'
import { type RecordHeader, readRecordHeader } from './record-header.js'

/** Sizes in bytes. */
export interface KeptModel {
  fingerprint: string
  /** By its about.json, if it has one. */
  model: string | null
  /** The folder of the checkpoint. */
  path: string | null
  /** All its files together. */
  bytes: number
  blocks: number
  /** Conversations that end in different blocks. */
  sessions: number
  /** Of all blocks. */
  tokens: number
  /** How many requests began with a kept prefix. */
  hits: number
  lastUsed: Date | null
}

/** What is not tether's, or of a later tether. */
export interface Foreign {
  path: string
  why: 'newer' | 'unknown'
}

export interface Survey {
  /** Those with something in it, the last used first. */
  models: KeptModel[]
  foreign: Foreign[]
}

/** One file of a model's folder. */
export interface ListedFile {
  path: string
  own: OwnFile
  bytes: number
  modified: Date
  /** Of a record that is whole. */
  header?: RecordHeader
}

export interface ListedFolder {
  fingerprint: string
  path: string
  files: ListedFile[]
}

export interface Listed {
  folders: ListedFolder[]
  foreign: Foreign[]
}

/** Nothing if there is no such folder. Throws the error of the file system if it cannot be read. */
export function surveyPrefixes(folder: string): Survey {
  const { folders, foreign } = listPrefixes(folder)
  const models = folders.map(keptModel).filter(({ bytes }) => bytes > 0)
  models.sort((one, other) => Number(other.lastUsed ?? 0) - Number(one.lastUsed ?? 0))
  return { models, foreign }
}

/** The files of every model, and what is left alone. Links are followed nowhere below `folder`. */
export function listPrefixes(folder: string): Listed {
  const all: Listed = { folders: [], foreign: [] }
  for (const entry of entriesOf(folder)) {
    const path = join(folder, entry.name)
    if (!entry.isDirectory() || !isFingerprint(entry.name)) all.foreign.push({ path, why: 'unknown' })
    else if ((readAbout(path)?.version ?? 0) > FORMAT) all.foreign.push({ path, why: 'newer' })
    else listModel(entry.name, path, all)
  }
  return all
}

function listModel(fingerprint: string, path: string, all: Listed): void {
  const files: ListedFile[] = []
  for (const entry of entriesOf(path)) {
    const file = join(path, entry.name)
    const own = entry.isFile() ? ownFile(entry.name) : undefined
    const stat = own && statOf(file)
    if (!own) all.foreign.push({ path: file, why: 'unknown' })
    if (!own || !stat) continue
    const header = own.kind === 'record' ? readRecordHeader(file, stat.size) : undefined
    if (header && header.version > FORMAT) all.foreign.push({ path: file, why: 'newer' })
    else files.push({ path: file, own, bytes: stat.size, modified: stat.mtime, header })
  }
  all.folders.push({ fingerprint, path, files })
}

function keptModel({ fingerprint, path, files }: ListedFolder): KeptModel {
  const blocks = blocksOf(files)
  const all = [...blocks.values()]
  const parents = new Set(all.map(({ parent }) => parent))
  const about = readAbout(path)
  // about.json alone says only which models were here.
  const held = files.filter(({ own }) => own.kind !== 'about')
  const used = held.filter(({ own }) => own.kind !== 'temporary').map(({ modified }) => Number(modified))
  return {
    fingerprint,
    model: about?.model ?? null,
    path: about?.path ?? null,
    bytes: sum(held.map(({ bytes }) => bytes)),
    blocks: blocks.size,
    sessions: all.filter(({ key }) => !parents.has(key)).length,
    tokens: sum(all.map(({ tokens }) => tokens)),
    // A request touches every block on its path, so those without a block before them count it once.
    hits: sum(all.filter(({ parent }) => !blocks.has(parent)).map(({ hits }) => hits)),
    lastUsed: used.length > 0 ? new Date(used.reduce((one, other) => Math.max(one, other))) : null,
  }
}

/** A block has one record or two. */
function blocksOf(files: ListedFile[]): Map<string, RecordHeader> {
  const blocks = new Map<string, RecordHeader>()
  for (const { header } of files) {
    if (!header) continue
    const hits = Math.max(header.hits, blocks.get(header.key)?.hits ?? 0)
    blocks.set(header.key, { ...header, hits })
  }
  return blocks
}

function sum(numbers: number[]): number {
  return numbers.reduce((one, other) => one + other, 0)
}

function entriesOf(folder: string): Dirent[] {
  try {
    return readdirSync(folder, { withFileTypes: true })
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return []
    throw error
  }
}

/** undefined if it is gone. */
function statOf(file: string): Stats | undefined {
  return lstatSync(file, { throwIfNoEntry: false })
}
